"""Domains at which anybody gets a mailbox: such a domain says nothing about who somebody works for.

Only names of mail providers for the public belong here, in lower case; subdomains follow by themselves.
"""

from __future__ import annotations

_WORLD = """
    gmail.com googlemail.com outlook.com hotmail.com live.com msn.com passport.com windowslive.com
    yahoo.com ymail.com rocketmail.com myyahoo.com aol.com aim.com verizon.net icloud.com me.com mac.com
    proton.me protonmail.com protonmail.ch pm.me tuta.com tutanota.com tutanota.de tutamail.com tuta.io
    keemail.me gmx.com gmx.net gmx.us mail.com email.com usa.com consultant.com engineer.com europe.com
    post.com mail2world.com zoho.com zohomail.com zohomail.eu fastmail.com fastmail.fm fastmail.net
    fastmail.to sent.com messagingengine.com hey.com duck.com hushmail.com hush.com mailfence.com
    startmail.com runbox.com posteo.de posteo.net mailbox.org disroot.org riseup.net autistici.org
    inventati.org cock.li airmail.cc skiff.com onmail.com inbox.com lycos.com excite.com juno.com
    netzero.net netzero.com care2.com myself.com dr.com lawyer.com accountant.com writeme.com iname.com
    techie.com cheerful.com contractor.net linuxmail.org operamail.com mailcity.com
    privaterelay.appleid.com anonaddy.com anonaddy.me addy.io simplelogin.com simplelogin.co slmail.me
    relay.firefox.com mozmail.com 33mail.com spamgourmet.com mailinator.com guerrillamail.com
    10minutemail.com yopmail.com trashmail.com tempmail.com temp-mail.org sharklasers.com maildrop.cc
    getnada.com discard.email dispostable.com mailnesia.com mytemp.email throwawaymail.com mohmal.com
    mail.ee mailo.com ctemplar.com criptext.com elude.in thexyz.com rediffmail.com rediff.com outlook.co
    outlook.co.id outlook.co.il outlook.co.th outlook.com.ar outlook.com.au outlook.com.br outlook.com.gr
    outlook.com.tr outlook.com.vn outlook.be outlook.cl outlook.cz outlook.de outlook.dk outlook.es
    outlook.fr outlook.hu outlook.ie outlook.in outlook.it outlook.jp outlook.kr outlook.lv outlook.my
    outlook.ph outlook.pt outlook.sa outlook.sg outlook.sk outlook.pl outlook.at hotmail.at hotmail.be
    hotmail.ca hotmail.ch hotmail.cl hotmail.co hotmail.co.id hotmail.co.il hotmail.co.in hotmail.co.jp
    hotmail.co.kr hotmail.co.nz hotmail.co.th hotmail.co.uk hotmail.co.za hotmail.com.ar hotmail.com.au
    hotmail.com.br hotmail.com.hk hotmail.com.tr hotmail.com.tw hotmail.com.vn hotmail.cz hotmail.de
    hotmail.dk hotmail.es hotmail.fi hotmail.fr hotmail.gr hotmail.hu hotmail.it hotmail.lt hotmail.lv
    hotmail.my hotmail.nl hotmail.no hotmail.pl hotmail.ph hotmail.pt hotmail.rs hotmail.se hotmail.sg
    hotmail.sk live.at live.be live.ca live.ch live.cl live.cn live.co.kr live.co.uk live.co.za
    live.com.ar live.com.au live.com.mx live.com.my live.com.pt live.com.sg live.de live.dk live.fi
    live.fr live.hk live.ie live.in live.it live.jp live.nl live.no live.pl live.ru live.se yahoo.at
    yahoo.be yahoo.bg yahoo.ca yahoo.cl yahoo.cn yahoo.co.id yahoo.co.il yahoo.co.in yahoo.co.jp
    yahoo.co.kr yahoo.co.nz yahoo.co.th yahoo.co.uk yahoo.co.za yahoo.com.ar yahoo.com.au yahoo.com.br
    yahoo.com.cn yahoo.com.co yahoo.com.hk yahoo.com.mx yahoo.com.my yahoo.com.pe yahoo.com.ph
    yahoo.com.sg yahoo.com.tr yahoo.com.tw yahoo.com.ua yahoo.com.ve yahoo.com.vn yahoo.cz yahoo.de
    yahoo.dk yahoo.ee yahoo.es yahoo.fi yahoo.fr yahoo.gr yahoo.hr yahoo.hu yahoo.ie yahoo.in yahoo.it
    yahoo.jp yahoo.lt yahoo.lv yahoo.nl yahoo.no yahoo.pl yahoo.pt yahoo.ro yahoo.ru yahoo.se aol.at
    aol.be aol.co.uk aol.de aol.es aol.fr aol.it aol.nl aol.pl
"""

_POLAND = """
    wp.pl wp.eu o2.pl tlen.pl go2.pl prokonto.pl onet.pl onet.eu op.pl onet.com.pl poczta.onet.pl
    poczta.onet.eu vp.pl spoko.pl autograf.pl opoczta.pl buziaczek.pl amorki.pl onet.net.pl poczta.fm
    interia.pl interia.eu interia.com intmail.pl poczta.interia.pl adresik.net vip.interia.pl gazeta.pl
    gazeta.com poczta.pl poczta.gazeta.pl pisz.to kki.net.pl neostrada.pl orange.pl idea.net.pl tpsa.pl
    poczta.neostrada.pl plusnet.pl eranet.pl inetia.pl upcpoczta.pl chello.pl aster.pl astercity.net
    multimedia.pl mm.pl toya.net.pl dialog.net.pl int.pl hot.pl hoga.pl ahoj.pl konto.pl mail.pl email.pl
    mailplus.pl poczta.com.pl tenbit.pl lycos.pl gery.pl polbox.com polbox.pl friko.pl friko2.onet.pl
    republika.pl free.polbox.pl box43.pl inmail.pl
"""

_ITALY = """
    libero.it inwind.it iol.it blu.it giallo.it virgilio.it tin.it alice.it tiscali.it tiscalinet.it
    email.it fastwebnet.it katamail.com kataweb.it aruba.it teletu.it tele2.it vodafone.it infostrada.it
    jumpy.it supereva.it freemail.it interfree.it superava.it excite.it lycos.it poste.it pec.it msn.it
    inwind.com libero.com tiscali.com iol.com dada.it quipo.it caltanet.it ciaoweb.it mail.it simail.it
    alice.com cheapnet.it legalmail.it arubapec.it pec.aruba.it postecert.it gigapec.it registerpec.it
    sicurezzapostale.it casellapec.com mypec.eu pecimprese.it messaggipec.it ingpec.eu archiworldpec.it
    pecmail.it postacertificata.gov.it pec.libero.it pec.buffetti.it lamiapec.it cgn.legalmail.it
"""

_EUROPE = """
    gmx.de gmx.at gmx.ch gmx.eu gmx.fr gmx.es gmx.co.uk gmx.li gmx.biz gmx.info gmx.org web.de email.de
    freenet.de t-online.de arcor.de mail.de online.de vodafone.de vodafonemail.de alice-dsl.net alice.de
    kabelmail.de unitybox.de unity-mail.de ewetel.net ewe.net osnanet.de versanet.de netcologne.de
    lycos.de firemail.de firemail.eu directbox.com spambog.com bluewin.ch sunrise.ch hispeed.ch
    swissonline.ch bluemail.ch freesurf.ch vtxmail.ch romandie.com aon.at chello.at utanet.at tele2.at
    kabsi.at liwest.at drei.at a1.net orange.fr wanadoo.fr free.fr sfr.fr neuf.fr laposte.net bbox.fr
    club-internet.fr numericable.fr aliceadsl.fr 9online.fr cegetel.net voila.fr libertysurf.fr noos.fr
    dbmail.com caramail.com caramail.fr lilo.org mailo.fr netcourrier.com tiscali.fr freesbee.fr
    telenet.be skynet.be proximus.be scarlet.be belgacom.net voo.be pandora.be brutele.be ziggo.nl
    kpnmail.nl kpnplanet.nl planet.nl hetnet.nl xs4all.nl home.nl casema.nl upcmail.nl chello.nl
    quicknet.nl tele2.nl telfort.nl zonnet.nl online.nl solcon.nl wxs.nl freeler.nl btinternet.com
    btopenworld.com sky.com talktalk.net tiscali.co.uk virginmedia.com virgin.net ntlworld.com
    blueyonder.co.uk o2.co.uk orange.net freeserve.co.uk lineone.net fsmail.net supanet.com madasafish.com
    onetel.com eircom.net telefonica.net terra.es ono.com movistar.es ya.com wanadoo.es orange.es
    euskaltel.es sapo.pt iol.pt clix.pt netcabo.pt mail.pt portugalmail.pt netvisao.pt meo.pt seznam.cz
    email.cz post.cz spoluzaci.cz centrum.cz atlas.cz volny.cz tiscali.cz quick.cz iol.cz centrum.sk
    azet.sk zoznam.sk post.sk pobox.sk atlas.sk inmail.sk stonline.sk freemail.hu citromail.hu indamail.hu
    t-online.hu vipmail.hu mailbox.hu upcmail.hu chello.hu abv.bg mail.bg dir.bg rdslink.ro home.ro
    email.ro siol.net volja.net amis.net email.si net.hr inet.hr sbb.rs open.telekom.rs otenet.gr hol.gr
    forthnet.gr in.gr mail.gr freemail.gr pathfinder.gr telia.com bredband.net spray.se passagen.se
    comhem.se home.se swipnet.se tele2.se bahnhof.se telia.se online.no broadpark.no getmail.no frisurf.no
    epost.no mail.dk jubii.dk jubiimail.dk ofir.dk stofanet.dk tdcadsl.dk youmail.dk webspeed.dk
    luukku.com kolumbus.fi elisanet.fi pp.inet.fi suomi24.fi saunalahti.fi welho.com mbnet.fi inbox.lv
    inbox.lt inbox.eu one.lv apollo.lv delfi.lv takas.lt zebra.lt mail.lt hot.ee online.ee neti.ee mail.ru
    bk.ru inbox.ru list.ru internet.ru xmail.ru yandex.ru yandex.com yandex.by yandex.kz yandex.ua ya.ru
    narod.ru rambler.ru lenta.ru autorambler.ru myrambler.ru ro.ru pochta.ru hotbox.ru ukr.net i.ua
    meta.ua bigmir.net online.ua email.ua 3g.ua ua.fm mail.ua tut.by mail.by mynet.com superonline.com
    ttmail.com
"""

_ELSEWHERE = """
    qq.com foxmail.com vip.qq.com 163.com 126.com 188.com yeah.net vip.163.com sina.com sina.cn sohu.com
    139.com 189.cn wo.cn 21cn.com aliyun.com tom.com hinet.net seed.net.tw pchome.com.tw naver.com
    hanmail.net daum.net nate.com kakao.com dreamwiz.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp
    i.softbank.jp au.com nifty.com biglobe.ne.jp ocn.ne.jp so-net.ne.jp plala.or.jp excite.co.jp
    comcast.net att.net sbcglobal.net bellsouth.net pacbell.net ameritech.net swbell.net cox.net
    charter.net rr.com roadrunner.com earthlink.net mindspring.com optonline.net optimum.net frontier.com
    frontiernet.net windstream.net centurylink.net centurytel.net embarqmail.com q.com peoplepc.com
    suddenlink.net cableone.net wowway.com prodigy.net compuserve.com netscape.net sympatico.ca bell.net
    rogers.com shaw.ca telus.net videotron.ca cogeco.ca eastlink.ca bigpond.com bigpond.net.au
    optusnet.com.au iinet.net.au internode.on.net tpg.com.au westnet.com.au dodo.com.au adam.com.au
    xtra.co.nz slingshot.co.nz orcon.net.nz vodafone.co.nz uol.com.br bol.com.br terra.com.br ig.com.br
    globo.com globomail.com oi.com.br r7.com zipmail.com.br prodigy.net.mx terra.com.mx fibertel.com.ar
    speedy.com.ar arnet.com.ar ciudad.com.ar terra.cl vtr.net walla.com walla.co.il netvision.net.il
    bezeqint.net 012.net.il webmail.co.za mweb.co.za telkomsa.net vodamail.co.za indiatimes.com sify.com
    in.com vsnl.net singnet.com.sg pacific.net.sg starhub.net.sg emirates.net.ae maktoob.com
"""

FREE_MAIL: frozenset[str] = frozenset(f"{_WORLD} {_POLAND} {_ITALY} {_EUROPE} {_ELSEWHERE}".split())
