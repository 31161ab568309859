"""STIR/SHAKEN: who vouches for a caller's number (RFC 8224, 8225, 8226, 8588). Needs the extra ``stir``.

:mod:`.passports` makes and reads the signed tokens, :mod:`.certificate_chains` fetches the certificates that
signed them, :mod:`.caller_verifier` judges a call from outside, :mod:`.caller_signer` signs ours. Only
:func:`.stir_service.open_stir` may be imported without the extra.
"""
