"""The fixed phrases of mail programs and mail systems, as data: one alternative a line, lower case.

Facts that grow with every program met (pl, it, en, de, fr). Expressions are allowed; spaces count as written.
"""

from __future__ import annotations


def one_of(phrases: str) -> str:
    """The lines of `phrases` as one group of alternatives."""
    return f"(?:{'|'.join(line for line in phrases.strip().splitlines())})"


DAEMONS = r"""
mailer-?daemon
postmaster
post_master
mail[ .-]?deliver(?:y)?[ .-]?s(?:ub)?system
mail[ .]delivery[ .]sys
system administrator
mail administrator
no-?reply@sns\.
delivery-notification
<>
mmdf
bounce
"""
"""Senders that are machines, anywhere in the From field."""

BOUNCE_SUBJECTS = r"""
undeliver
non-?deliver
not (?:be )?deliver
deliver\w* (?:status|fail|has failed|problem|error|report)
fail\w* (?:notice|deliver)
failed mail
mail failure
mail (?:system )?error
delivery failure
failure (?:notice|delivery)
returned mail
returned to sender
message (?:delivery )?(?:has )?fail
could not be delivered
couldn't be delivered
error sending your mail
mail delivery
niedostarcz
nie (?:można|mozna) dostarczy
zwrot (?:wiadomości|poczty)
mancato recapito
mancata consegna
non recapitabile
impossibile recapitare
unzustellbar
не доставлено
errore di consegna
smtp server: errors
エラー
notification message
loop alert
"""
"""Subjects of returned mail."""

BOUNCE_TEXTS = r"""
\b[45]\d\d[ -]#?\d\.\d{1,3}\.\d{1,3}\b
\(#\d\.\d\.\d\)
\b55\d[ -][A-Za-z]
could ?n[o']t be delivered
couldn't be delivered
(?:was|were) not (?:able to )?(?:be )?deliver
unable to deliver
not delivered to
can ?not be delivered
undeliverable
delivery (?:to|of)[^\n]{0,120}(?:fail|permanent|delay)
delivery (?:failed|failure|has failed)
failed to deliver
failed permanently
user unknown
unknown user
no such (?:user|account|address|recipient)
mailbox (?:is )?(?:full|unavailable|not found)
recipient(?:'s)? (?:address )?(?:rejected|unknown|mailbox)
transcript of session
permanent(?: fatal)? error
quota exceeded
did not reach
returned to (?:the )?sender
returned mail
over ?quota
retry (?:timeout|time) (?:exceeded|not reached)
could not be sent
(?:message|mail) (?:could not|was not|cannot)
host unknown
service unavailable
wasn't able to deliver
was not able to deliver
non e'? (?:stato )?possibile recapitare
non è stato possibile
nie (?:powiodło|została? dostarczon|udało)
casella inesistente
не может быть
не доставлено
届け
bouncetype
following (?:address|recipient)
invalid (?:recipient|address)
unrouteable
malformed
no mx
errors? (?:from|was|were|occurred)
address(?:es)? (?:failed|had)
^\s*<[^<>\s@]+@[^<>\s@]+>\s*:?\s*$
"""
"""What the text of a returned letter says."""

ABSENCES = r"""
automatic reply
auto(?:matic)?[ -]?(?:reply|response)
autoreply
out of (?:the )?office
away (?:from|until)
on (?:vacation|holiday|leave)
risposta automatica
fuori (?:sede|ufficio)
assenza
odpowiedź automatyczna
automatyczna odpowiedź
autoodpowiedź
nieobecność
jestem nieobecn
poza biurem
urlop:
automatische antwort
abwesenheits
réponse automatique
respuesta automática
vacation:
"""
"""How the subject of an automatic answer begins."""

COPIES = r"""
original message
original appointment
wiadomość oryginalna
oryginalna wiadomość
wiadomość pierwotna
messaggio originale
messaggio inoltrato
forwarded message
forwarded by
forwarded letter
przekazana wiadomość
wiadomość przekazana
treść przekazanej wiadomości
reply message
reply above
treść oryginalnej wiadomości
ursprüngliche nachricht
originalnachricht
weitergeleitete nachricht
message d'origine
message original
message transféré
"""
"""What stands between dashes above the copy of an older letter."""

LABELS = r"""
from
sent
date
to
cc
subject
reply-to
importance
attachments
od
wysłano
wysłane
data
do
dw
udw
temat
nadawca
adresat
adresaci
załączniki
da
inviato
inviata
a
oggetto
per
mittente
destinatari[oa]?
allegati
von
gesendet
an
betreff
datum
de
envoyé
à
objet
"""
"""Names of header fields in such a copy."""

VERBS = r"""
wrote
writes
said
napisał\(?a?\)?
napisała
napisano
pisze
pisał\(?a?\)?
ha scritto
scrive
scrisse
schrieb
a écrit
escribió
escreveu
"""
"""What the line above a quote says that somebody did."""

DEVICES = r"""
wysłan[eoay] z\s
wysłano z\s
inviat[oa] (?:da|dal|con)\s
sent (?:from|via|with) (?:my |outlook|proton|yahoo|mail|samsung|iphone|ipad|gmail|blackberry|android|the )
get outlook for
pobierz (?:aplikację )?outlook
scarica outlook
ottieni outlook
gesendet (?:von|mit)\s
von meinem [^\n]{0,40} gesendet
envoyé de(?:puis)? mon\s
"""
"""Advertising lines of telephones and programs."""

CLOSINGS = r"""
z (?:wyrazami szacunku|poważaniem|pozdrowieniami|wyrazami)
(?:serdecznie |gorąco )?pozdrawia(?:m|my)
(?:serdeczne |miłe )?pozdrowienia
łączę (?:wyrazy|pozdrowienia)
dziękuj(?:ę|emy)
pozdr\.?
(?:i (?:miei )?più )?(?:cordiali|distinti|cari|migliori)(?:ssimi)? saluti
cordialmente
cordialità
(?:un )?(?:caro |cordiale )?saluto
saluti
grazie
in fede
buona giornata
a presto
(?:with )?(?:kind(?:est)?|best|warm(?:est)?)(?: personal)? (?:regards|wishes)
regards
best
cheers
sincerely
yours (?:sincerely|faithfully|truly)
sincerely yours
many thanks
thank you
thanks
all the best
(?:mit )?(?:freundliche[nm]?|beste[nm]?|viele[nm]?) gr(?:ü|ue)(?:ß|ss)en?
mfg
lg
cordialement
bien à vous
"""
"""Closing phrases above a signature."""
