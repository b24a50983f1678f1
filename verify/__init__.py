"""Numerical evidence that a derivation, its ELBO and its generated code are right.

from cavi.verify import verify

report = verify(derived, digits=30)
print(report)
report.ok
"""

from cavi.verify.certificate import canonical, certificate, check_certificate, write_certificate
from cavi.verify.grammar import CertificateError
from cavi.verify.junit import junit
from cavi.verify.report import Report, Row
from cavi.verify.rigorous import Inequality, certify, prove_positive
from cavi.verify.seal import check_module, has_seal, sealed, unsealed
from cavi.verify.verification import verify

__all__ = [
    "CertificateError",
    "Inequality",
    "Report",
    "Row",
    "canonical",
    "certificate",
    "certify",
    "check_certificate",
    "check_module",
    "has_seal",
    "junit",
    "prove_positive",
    "sealed",
    "unsealed",
    "verify",
    "write_certificate",
]
