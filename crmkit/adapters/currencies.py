"""Currencies by their ISO 4217 codes, as cells write them, and how many minor units make one."""

from __future__ import annotations

CODES = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLF "
    "CLP CNH CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL "
    "HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD "
    "MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR "
    "RMB RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD "
    "TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG"
)
WITHOUT_MINOR = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
OF_A_THOUSAND = "BHD IQD JOD KWD LYD OMR TND"

_SIGNS = r"(?:\b(?:US|CA|AU|NZ|HK|NT|MX|A|C|R|S))?\p{Sc}|zł|Kč|Ft|лв|руб\.?|₽|円|元|원|\bkr\b\.?|\bFr\.|\bRs\.?"
_ANY = CODES.replace(" ", "|")
BEFORE = rf"^([-+(]\s*)?(?:{_ANY})\s*"
PATTERN = rf"{_SIGNS}|^\s*(?:{_ANY})\s*|\s*(?:{_ANY})\s*$"  # of RE2, as DuckDB has it


def minor_units(code: str) -> str:
    """Return the SQL of how many minor units make one unit of a currency; null where the code is none.

    Examples
    --------
    >>> import duckdb
    >>> [duckdb.sql(f"SELECT {minor_units(repr(code))}").fetchone()[0] for code in ("usd", "JPY", "KWD", "?")]
    [100, 1, 1000, None]
    """

    def among(codes: str) -> str:
        return f"upper({code}) IN ({', '.join(map(repr, codes.split()))})"

    few = f"WHEN {among(WITHOUT_MINOR)} THEN 1 WHEN {among(OF_A_THOUSAND)} THEN 1000"
    return f"CASE {few} WHEN {among(CODES)} THEN 100 END"
