"""Words from which the people and firms of the sample company are put together: invented, country by country.

Native names that are not in Latin letters carry their romanised form after a slash, for e-mail addresses.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Country:
    """Names usual in a country.

    Attributes
    ----------
    region : str
        Sales region it belongs to.
    weight : float
        Share of the customers.
    women, men, surnames : tuple of str
        Surnames that differ by gender are written "Kowalska|Kowalski".
    kinds, stems, cities : tuple of str
        Parts of a company's name.
    pattern : str
        How the parts become a name.
    surname_first : bool
        Whether the surname stands first and without a blank.
    """

    region: str
    weight: float
    women: tuple[str, ...]
    men: tuple[str, ...]
    surnames: tuple[str, ...]
    kinds: tuple[str, ...]
    stems: tuple[str, ...]
    cities: tuple[str, ...]
    pattern: str
    surname_first: bool = False


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.replace("~", " ") for word in text.split())


COUNTRIES: dict[str, Country] = {
    "PL": Country(
        "Central Europe",
        0.34,
        _words("Anna Agnieszka Małgorzata Łucja Żaneta Zofia Święcisława Kinga Bożena Elżbieta Hanna Iga Grażyna Ewa"),
        _words(
            "Łukasz Stanisław Paweł Michał Grzegorz Jędrzej Wojciech Rafał Zbigniew Kazimierz Jan Błażej Marek Piotr"
        ),
        _words(
            "Kowalska|Kowalski Wiśniewska|Wiśniewski Wójcik Żak Dąbrowska|Dąbrowski Śliwa Gąsior Łęcka|Łęcki "
            "Zielińska|Zieliński Szymańska|Szymański Kołodziej Jabłońska|Jabłoński Źródlak Pająk Mróz Czyż Sęk Bąk"
        ),
        _words("Kawiarnia Piekarnia Biuro~Rachunkowe Hotel Cukiernia Studio Pensjonat Bistro Drukarnia Kancelaria"),
        _words(
            "Lipowa Złota~Rączka Pod~Żaglem Śnieżka Bursztyn Źdźbło Dębowy~Dwór Jaśmin Mewa Łabędź Wrzos Świerk "
            "Krokus Żuraw Poranek Na~Skarpie Jarzębina Modrzew Sójka Księżyc"
        ),
        _words("Gdańsk Łódź Kraków Wrocław Poznań Toruń Zielona~Góra Białystok"),
        "{kind} {stem} {city}",
    ),
    "DE": Country(
        "Central Europe",
        0.20,
        _words("Jürgena Käthe Anneliese Sabine Heike Birgit Ute Grit Friederike Mareike Lena Jule Änne Wiebke"),
        _words("Jürgen Jörg Günther Björn Matthias Uwe Henrik Torsten Lars Klaus Rüdiger Sören Achim Detlef"),
        _words(
            "Müller Schäfer Groß Weiß Krüger Böhm Köhler Jäger Lößner Bär Voß Möller Grünwald Süß Reuter Hübner "
            "Sträßner Kühn Vogt Brandt"
        ),
        _words("Bäckerei Kanzlei Hotel Rösterei Konditorei Druckerei Gasthaus Werkstatt Praxis Architekten"),
        _words(
            "Sonnenfeld Zur~Mühle Blaubär Nordlicht Grüner~Hof Elbblick Morgenröte Drei~Lärchen Fährhaus Kiesel "
            "Weißdorn Sperling Möwennest Löwenzahn Kranich Ährenfeld Bachstelze Wolkenlos Föhre Süderdeich"
        ),
        _words("Lübeck Köln München Nürnberg Görlitz Leipzig Würzburg Kiel"),
        "{kind} {stem} {city} GmbH",
    ),
    "CZ": Country(
        "Central Europe",
        0.11,
        _words("Jiřina Božena Věra Šárka Žofie Ludmila Růžena Tereza Kateřina Adéla Zdeňka Eliška Markéta Anežka"),
        _words("Jiří Ondřej Tomáš Lukáš Řehoř Zdeněk Václav Matěj Vojtěch František Šimon Kryštof Radek Aleš"),
        _words(
            "Nováková|Novák Dvořáková|Dvořák Šťastná|Šťastný Růžičková|Růžička Křížová|Kříž Řezníčková|Řezníček "
            "Žáčková|Žáček Procházková|Procházka Hájková|Hájek Čermáková|Čermák Němcová|Němec Vlčková|Vlček"
        ),
        _words("Kavárna Pekárna Penzion Účtárna Cukrárna Tiskárna Hotel Ateliér Hospoda Čajovna"),
        _words(
            "Modrý~Pták U~Řeky Sedmikráska Zlatý~Šíp Bílá~Labuť Pod~Kaštany Ořech Jeřáb Červená~Liška Hvězda Ráno "
            "Žlutý~Dům Slunečnice Kopretina Dubový~List Ťuhýk Srdce Plameňák Za~Mostem Vřes"
        ),
        _words("Praha Brno Plzeň Olomouc Kroměříž Třebíč Děčín Hradec~Králové"),
        "{kind} {stem} {city} s.r.o.",
    ),
    "FR": Country(
        "Western Europe",
        0.10,
        _words("Élodie Françoise Hélène Zoé Noémie Chloé Aurélie Maëlle Agnès Léa Océane Bérénice Camille Inès"),
        _words("François Jérôme Loïc Théo Gaël Raphaël Étienne Benoît Cédric Rémi Hervé Noël Mathéo Aurélien"),
        _words(
            "Lefèvre Bérenger Françon Desprès Noël Dubâtard Côté Gérard Hébert Lacroix Prévost Évrard Girault Mallet "
            "Chênevert Fontaine D'Aubigné L'Hermitte"
        ),
        _words("Café Boulangerie Hôtel Pâtisserie Cabinet Imprimerie Brasserie Atelier Crêperie Librairie"),
        _words(
            "de~la~Brume du~Chêne~Noir L'Étoile des~Glaneurs Belle~Forêt du~Vieux~Quai Mirabelle L'Hirondelle "
            "des~Trois~Îles Pomme~d'Api du~Phare Côte~d'Ardoise La~Fougère Été~Indien du~Grand~Pré L'Érable "
            "Clair~Matin Bois~Dormant La~Lavandière Rivière"
        ),
        _words("Angoulême Nîmes Orléans Besançon Saint-Étienne Lille Évreux Rennes"),
        "{kind} {stem} {city} SARL",
    ),
    "ES": Country(
        "Southern Europe",
        0.08,
        _words("María~José Begoña Inés Lucía Íñiga Concepción Ángela Sofía Verónica Rocío Nuria Mónica Belén Itziar"),
        _words("José Íñigo Ángel Iñaki Jesús Ramón Óscar Julián Martín Andrés Héctor Rubén Adrián Tomás"),
        _words(
            "Núñez Muñoz Ibáñez Peña Castañeda García López Hernández Ordóñez Zúñiga Ríos Cañizares Güell Sáez Vázquez "
            "Ávila Rincón Marín"
        ),
        _words("Cafetería Panadería Hostal Gestoría Pastelería Imprenta Hotel Taller Bodega Librería"),
        _words(
            "El~Almendro La~Cigüeña Sol~y~Niebla El~Ñandú Buenavista La~Encina Azahar Río~Claro El~Búho La~Golondrina "
            "Tres~Caminos Albahaca El~Pequeño~Faro La~Peña Jazmín Mañana Los~Olmos Agua~Fría El~Caracol La~Higuera"
        ),
        _words("Málaga Cádiz A~Coruña Logroño Ávila Córdoba Gijón Alcañiz"),
        "{kind} {stem} {city} S.L.",
    ),
    "GB": Country(
        "Western Europe",
        0.09,
        _words("Emily Zoë Siân Harriet Fiona Priya Niamh Charlotte Abigail Maeve Olivia Grace Rosalind Imogen"),
        _words("Oliver George Seán Callum Rhys Harry Owen Arjun Thomas Edmund Alistair Ewan Hugh Daniel"),
        _words(
            "O'Hara Smith-Jones Patel MacLeod Whitcombe Ashdown Fairweather Thornbury Hargrove Penrose Llewellyn "
            "Okafor Bexley Marlowe Sedgwick Quill Redfern Dunmore"
        ),
        _words("Bakery Café Hotel Studio Partners Bistro Print~Works Tea~Room Guest~House Surveyors"),
        _words(
            "Foxglove Copper~Kettle Brambling Oak~&~Ember Harbour~Light Saltmarsh The~Blue~Door Larkspur Pennywhistle "
            "Millrace Thistledown Greyfriars Hedgerow Dovecote Marigold Windlass Old~Post Nettle~&~Rye Cobblestone Wren"
        ),
        _words("Leeds Bristol York Exeter Cardiff Inverness Norwich Belfast"),
        "{stem} {kind} {city} Ltd",
    ),
    "JP": Country(
        "Asia",
        0.05,
        _words(
            "陽子/yoko 美咲/misaki 桜/sakura 葵/aoi 真由美/mayumi "
            "千尋/chihiro 恵/megumi 直美/naomi さくら/sakura 結衣/yui"
        ),
        _words(
            "太郎/taro 健一/kenichi 翔太/shota 大輔/daisuke 拓也/takuya "
            "誠/makoto 直樹/naoki 蓮/ren 悠斗/yuto 浩/hiroshi"
        ),
        _words(
            "佐藤/sato 鈴木/suzuki 髙橋/takahashi 渡邊/watanabe 小林/kobayashi 山本/yamamoto 中村/nakamura 斎藤/saito "
            "松本/matsumoto 井上/inoue 森/mori 清水/shimizu 石川/ishikawa 藤田/fujita 岡田/okada 長谷川/hasegawa"
        ),
        _words("珈琲 喫茶店 製菓 ベーカリー 旅館 設計事務所 印刷 カフェ 茶房 商店"),
        _words("青空 さくら 月影 若葉 朝霧 千鳥 星屑 木漏れ日 風鈴 みなと 雪見 花筏 こもれび 山彦 夕凪 ひだまり"),
        _words("札幌 横浜 京都 金沢 長崎 鎌倉 仙台 松山"),
        "株式会社{stem}{kind}{city}",
        surname_first=True,
    ),
    "CN": Country(
        "Asia",
        0.03,
        _words(
            "丽娜/lina 秀英/xiuying 静/jing 敏/min 雪梅/xuemei 婷婷/tingting 玉兰/yulan 晓燕/xiaoyan 佳怡/jiayi 芳/fang"
        ),
        _words("伟/wei 强/qiang 磊/lei 建国/jianguo 志明/zhiming 浩然/haoran 俊杰/junjie 宇航/yuhang 勇/yong 鹏/peng"),
        _words(
            "王/wang 李/li 张/zhang 刘/liu 陈/chen 杨/yang 赵/zhao "
            "黄/huang 周/zhou 吴/wu 徐/xu 孙/sun 欧阳/ouyang 林/lin"
        ),
        _words("咖啡 茶馆 酒店 面包坊 书店 设计 印务 餐厅 甜品 会计事务所"),
        _words("春山 明月 竹影 云海 晨光 流泉 白鹭 青石 听雨 远帆 松风 小满 梧桐 星河 半夏 归燕"),
        _words("苏州 青岛 成都 厦门 杭州 大连 昆明 西安"),
        "{city}{stem}{kind}有限公司",
        surname_first=True,
    ),
}

AWKWARD = (
    ("JP", "日本語カフェ合同会社"),
    ("DE", "Ca$h & Carry Kaffee GmbH"),
    ("GB", "Beans < Leaves Ltd"),
    ("GB", "_underscore studio"),
    ("GB", "O'Hara's \"Old Mill\" Café, Ltd"),
    ("PL", "Żółć & Gęśl sp. z o.o."),
)
"""Countries and names of firms, legal but hard on careless software; the first business customers bear them."""

INDUSTRIES = {
    "office": ("Accounting", "Architecture", "Legal services", "Printing", "Software", "Surveying"),
    "café": ("Bakery", "Café", "Guest house", "Hotel", "Restaurant", "Tea room"),
}
INTERESTS = ("filter coffee", "espresso", "tea", "baking", "latte art", "travel", "gifts", "home roasting")
