"""Words by which names and addresses are brought into one form: legal forms, countries, free mail, streets, letters.

All are written as `names.fold` writes them: small, without accents, without full stops.
"""

from __future__ import annotations


def _set(text: str, mark: str | None = None) -> frozenset[str]:
    return frozenset(" ".join(word.split()) for word in text.split(mark) if word.strip())


LEGAL_FORMS = _set(
    """
    gesellschaft mit beschrankter haftung, gesellschaft mbh, ges m b h, ges mbh, g m b h, gmbh co kgaa, gmbh co
    kg, gmbh co ohg, ag co kg, gmbh, ggmbh, mbh, aktiengesellschaft, ag, kgaa, kg, ohg, gbr, ug
    haftungsbeschrankt, ug, e k, ek, e v, ev, eg, se,
    spolka z ograniczona odpowiedzialnoscia, spolka z o o, sp z o o sp k, sp z oo, sp zoo, sp z o o, spolka
    akcyjna, spolka komandytowa, spolka jawna, spolka cywilna, sp j, sp k, sp p, s k a, s c, sc, spj, spk,
    spol s r o, spol sro, s r o, sro, a s, k s, v o s, d o o, doo, d d, kft, nyrt, zrt, bt, s r l, uab, sia, ou,
    o o d, ood, eood, ead,
    sarl, s a r l, sasu, sas, s a s, eurl, snc, s n c, sci, societe anonyme, sociedad limitada, sociedad
    anonima, s l u, slu, s l, sl, s a u, s a de c v, sa de cv, s de r l, s a, sa, srl, s p a, spa, lda, ltda,
    limited liability company, limited liability partnership, private limited, pvt ltd, pty ltd, pte ltd, co
    ltd, limited, ltd, llc, l l c, llp, l l p, plc, p l c, incorporated, inc, corporation, corp, company, co,
    pty, pte, pvt, sdn bhd, bhd, k k, kabushiki kaisha, g k, y k,
    osakeyhtio, oyj, oy, ab publ, aktiebolag, ab, aktieselskab, anpartsselskab, a s, as, asa, aps, i s, hf, ehf,
    besloten vennootschap, b v, bv, n v, nv, v o f, vof, bvba, sprl,
    anonim sirketi, limited sirketi, ltd sti, ooo, oao, zao, pao, tov, pat, a e, e p e
    """,
    ",",
)
"""Legal forms of firms: German, Polish, Czech and others of Central Europe, Romance, English, Nordic, Dutch, Turkish,
Russian and Greek ones. Japanese, Chinese and Korean ones stand without blanks and are in `names`."""

IN_FRONT = _set("gmbh sarl sro ooo oao zao tov uab sia srl kft ltd llc")
"""Forms of one word that no name begins with, so that one in front is a form."""

LANDS = _set(
    """
    polska poland polen pologne polonia deutschland germany niemcy allemagne alemania osterreich austria schweiz suisse
    svizzera switzerland france frankreich francja espana spain spanien hiszpania iberia portugal italia italy italien
    wlochy uk gb britain england ireland scotland nederland netherlands holland belgium belgie belgique luxembourg
    cesko czech ceska slovensko slovakia magyarorszag hungary romania bulgaria hrvatska croatia slovenija serbia
    ukraina ukraine rossiya russia danmark denmark sverige sweden norge norway suomi finland eesti latvija lietuva
    baltics nordic nordics turkiye turkey greece hellas usa us america americas canada mexico brasil brazil argentina
    chile colombia japan china india korea singapore malaysia thailand vietnam indonesia australia zealand africa
    europe europa emea apac latam asia international global worldwide holding holdings group gruppe groupe grupa
    north south east west nord sud ost
    """
)
"""Words that make a firm another one of the same group: Siemens Polska is not Siemens Deutschland."""

FREE_MAIL = _set(
    """
    gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com ymail.com icloud.com me.com
    mac.com aol.com proton.me protonmail.com gmx.de gmx.net gmx.at web.de t-online.de freenet.de wp.pl o2.pl
    onet.pl op.pl interia.pl gazeta.pl seznam.cz email.cz centrum.cz orange.fr wanadoo.fr free.fr laposte.net
    sfr.fr libero.it virgilio.it tin.it telefonica.net mail.ru yandex.ru bk.ru ukr.net qq.com 163.com 126.com
    sina.com yeah.net yahoo.co.jp docomo.ne.jp ezweb.ne.jp softbank.ne.jp naver.com daum.net btinternet.com
    sky.com bluewin.ch example.com example.org example.net
    """
)
"""Domains in which anybody can have a mailbox: sharing one says nothing."""

ROLES = _set(
    """
    info office kontakt contact biuro sekretariat sales mail post admin service support hello buero bureau
    accounting invoice rechnung faktury ksiegowosc zamowienia orders order kantoor hola ventas marketing team
    """
)
"""What stands before the @ of a mailbox that is no person's."""

STREETS = _set(
    """
    ul ulica al aleja pl plac os osiedle str strasse street st road rd avenue ave av rue r calle c cl via viale
    ulice trida tr namesti nam lane ln drive dr boulevard bd blvd square sq no nr num numero apt flat m lok
    """
)
"""Words for street, house and flat, which addresses have or have not."""

_NAMES_OF_LANDS = """
    PL: poland/polska/polen; DE: germany/deutschland/niemcy/allemagne; CZ: czech republic/czechia/cesko/ceska
    republika; FR: france/frankreich; ES: spain/espana; GB: united kingdom/great britain/england/uk; AT:
    austria/osterreich; CH: switzerland/schweiz/suisse; IT: italy/italia; NL: netherlands/nederland; BE:
    belgium; US: united states/usa; JP: japan/日本; CN: china/中国; KR: korea; SE: sweden/sverige; FI:
    finland/suomi; NO: norway/norge; DK: denmark/danmark; UA: ukraine; IE: ireland; PT: portugal; CA: canada;
    AU: australia; IN: india; SK: slovakia/slovensko; HU: hungary/magyarorszag; RO: romania; BR: brazil; MX:
    mexico
"""
LAND_CODES = {
    " ".join(name.split()): entry.strip()[:2]
    for entry in _NAMES_OF_LANDS.split(";")
    for name in entry.partition(":")[2].split("/")
}
"""Two-letter codes of countries by their names in some languages."""
