"""A submission server that prints what it is given: STARTTLS, then a login, then mail.

Usage: smtpd.py PORT CERTIFICATE KEY USER PASSWORD
"""
import ssl
import sys
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, SMTP


class Printer:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        print("MAIL FROM", envelope.mail_from, "TO", ",".join(envelope.rcpt_tos), "TLS", session.ssl is not None)
        print(envelope.content.decode("ascii"))
        print("END", flush=True)
        return "250 OK"


port, certificate, key, user, password = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)


def authenticate(server, session, envelope, mechanism, data):
    good = mechanism in ("LOGIN", "PLAIN") and data.login == user.encode() and data.password == password.encode()
    return AuthResult(success=good, handled=False)


class Submission(Controller):
    def factory(self):
        return SMTP(self.handler, hostname="localhost", tls_context=context, require_starttls=True,
                    auth_required=True, auth_require_tls=True, authenticator=authenticate)


Submission(Printer(), hostname="127.0.0.1", port=int(port)).start()
print("READY", flush=True)
while True:
    time.sleep(60)
