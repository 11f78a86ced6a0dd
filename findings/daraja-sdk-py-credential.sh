#!/usr/bin/env bash
# Guess: `generate_security_credential` encrypts the initiator's password with the certificate, then writes
#   it in base64, as Daraja describes.
# So: daraja-sdk-py 2.0.0 writes the password in base64 first. What M-Pesa decrypts is c2VjcmV0IQ== and not
#   secret!.
# Bites: Each payout, reversal and balance query names a wrong initiator password.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'daraja-sdk-py==2.0.0' 'cryptography==50.0.2'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import base64
import sys
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from daraja.utils import generate_security_credential

key = rsa.generate_private_key(65537, 2048)
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
now = datetime.now(timezone.utc)
builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
with open("test.cer", "wb") as file:
    file.write(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
credential = generate_security_credential("secret!", "test.cer")
decrypted = key.decrypt(base64.b64decode(credential), padding.PKCS1v15())
print("password: secret!")
print("decrypted:", decrypted.decode())
holds = decrypted == base64.b64encode(b"secret!")
if not holds:
    sys.exit("This has changed: the password itself is now encrypted.")
PYTHON
