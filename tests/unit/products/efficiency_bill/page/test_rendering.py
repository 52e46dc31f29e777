"""How bills are set: what the paper font is trusted to hold, and one typesetter per process."""

from __future__ import annotations

import pickle
import subprocess
import sys

from products.efficiency_bill.page import rendering
from products.efficiency_bill.page.numbers import grouped, number, signed_percent
from products.efficiency_bill.page.rendering import BillPdf, printable

QUICK = (
    "import sys; from products.efficiency_bill.page.rendering import printable; "
    "printable('钢铁 works 1～10（20）千伏 · 分时，本月 −6.5% × 0.0292 元/m² “示” — 示意…'); "
    "sys.exit('matplotlib' in sys.modules)"
)


def test_what_the_font_is_trusted_to_hold_it_holds() -> None:
    trusted = {
        code
        for code in range(0x20, 0x10000)
        if not 0xD800 <= code < 0xE000 and rendering._SURE.fullmatch(chr(code))
    }
    assert len(trusted) > 20_000
    assert trusted <= rendering.font_characters()
    assert not any(rendering.is_hidden(chr(code)) for code in trusted)


def test_words_and_numbers_of_a_bill_need_no_look_into_the_font() -> None:
    assert subprocess.run([sys.executable, "-c", QUICK], check=False).returncode == 0


def test_a_character_next_to_the_trusted_ones_is_looked_up() -> None:
    assert printable("\u9fa5\u9ff0") == "\u9fa5〈U+9FF0〉"


def test_a_typesetter_goes_to_another_process_without_its_compiler() -> None:
    typesetter = BillPdf()
    assert typesetter._compiler is typesetter._compiler
    assert vars(pickle.loads(pickle.dumps(typesetter))) == {}


def test_numbers_keep_their_digits_and_one_sign() -> None:
    assert number("0.0292387500")["fraction"] == ".02923875"
    assert number("-0.50", 2) == {"whole": "−0", "fraction": ".50", "places": "2", "plain": "-0.50"}
    assert (grouped("-1234.565", 2), grouped("-0.004", 2), grouped("-0.005", 2)) == (
        "−1,234.57",
        "0.00",
        "−0.01",
    )
    assert (signed_percent("0.0004", 1), signed_percent("0.0005", 1), signed_percent("-0.0005", 1)) == (
        "0.0%",
        "+0.1%",
        "−0.1%",
    )
