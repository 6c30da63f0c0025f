"""Replaying a signed log: what was done to it is found (OB-7)."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.logs import chaincheck
from acra_twisted.telemetry.logs.chain import END, LAST_WORDS, Chain, last_value
from acra_twisted.telemetry.logs.chaincheck import Run
from tests.support.signedlogs import KEY, write


def verify(lines, *keys):
    return chaincheck.verify(lines, keys or [KEY])


def problems(lines, *keys):
    return [line for line, _ in verify(lines, *keys).problems]


class Whole(SynchronousTestCase):
    def test_whole(self):
        for style in ("plaintext", "json"):
            lines = write(style=style)
            lines += write(style=style, previous=last_value("".join(lines)))
            self.assertEqual(verify(lines), (14, [2], [], [], False))

    @given(st.text(), st.text())
    def test_whatever_is_in_it(self, one, other):
        chain = Chain(KEY, "plaintext")
        texts = [" ".join(text.split()) for text in (one, other)]
        lines = [chain.sign(text) for text in texts]
        self.assertEqual(verify(lines).problems, [])

    @given(st.lists(st.text(max_size=90), max_size=5))
    def test_other_text(self, lines):
        verify(lines)


class Tampering(SynchronousTestCase):
    def test_a_changed_byte(self):
        for style in ("plaintext", "json"):
            lines = write(style=style)
            lines[3] = lines[3].replace("number2", "number9")
            self.assertEqual(problems(lines), [4])

    def test_a_removed_line_and_two_that_changed_places(self):
        lines = write()
        self.assertEqual(problems(lines[:3] + lines[4:]), [4])
        lines[2], lines[3] = lines[3], lines[2]
        self.assertEqual(problems(lines), [3])

    def test_an_added_line(self):
        lines = write()
        self.assertEqual(problems([*lines[:3], "msg=forged\n", *lines[3:]]), [4])
        forged = write(key=b"another key")
        self.assertEqual(problems(write() + forged)[:1], [8])

    def test_the_tail_is_missing(self):
        self.assertTrue(verify(write()[:-1]).open_chain)
        # Killed in the middle of a line.
        lines = write()
        lines[-1] = lines[-1][:40]
        self.assertEqual(problems(lines), [7])

    def test_the_head_is_missing(self):
        self.assertEqual(problems(write()[1:]), [1])

    def test_a_whole_chain_is_missing(self):
        first = write()
        second = write(previous=last_value("".join(first)))
        third = write(previous=last_value("".join(second)))
        self.assertEqual(problems(first + second + third), [])
        self.assertEqual(problems(first + third), [8])

    def test_a_peer_cannot_end_a_chain(self):
        last = LAST_WORDS[1]
        for style, text in (
            ("plaintext", f'time="now" level=info msg=x user="msg=\\"{last}\\" chain=end"'),
            ("cef", f"CEF:0|cossacklabs|p|1|560|x|6|user={last} chain\\=end"),
            ("json", f'{{"user": "chain=end {last}"}}'),
        ):
            found = verify([Chain(KEY, style).sign(text)])
            self.assertEqual((found.problems, found.open_chain), ([], True), text)

    def test_a_chain_that_did_not_end(self):
        lines = write()[:-1]
        lines += write(previous=last_value("".join(lines)))
        self.assertEqual(problems(lines), [7])

    def test_an_old_log_replayed(self):
        first = write()
        second = write(previous=last_value("".join(first)))
        self.assertEqual(problems(first + second + first), [15])


OLD, NEW = b"the key before, 32 bytes long...", b"the key of now, 32 bytes long..."


class Rotation(SynchronousTestCase):
    def setUp(self):
        self.lines = write(key=OLD)
        self.lines += write(key=OLD, previous=last_value("".join(self.lines)))
        self.lines += write(key=NEW, previous=last_value("".join(self.lines)))

    def test_a_log_over_a_rotation(self):
        for style in ("plaintext", "json"):
            lines = write(style=style, key=OLD)
            lines += write(style=style, key=NEW, previous=last_value("".join(lines)))
            self.assertEqual(verify(lines, NEW, OLD), (14, [1, 1], [], [], False))
        self.assertEqual(verify(self.lines, NEW, b"x" * 32, OLD).chains, [1, 0, 2])

    def test_tampering_is_found_whichever_key_it_is(self):
        for number in (0, 2, 6, 9, 14, 17):
            lines = [*self.lines]
            lines[number] = lines[number].replace("number", "forged").replace("begins", "forged")
            if lines[number] == self.lines[number]:
                lines[number] = lines[number].replace("now", "then")
            self.assertEqual(problems(lines, NEW, OLD)[:1], [number + 1], number)
            del lines[number]
            self.assertTrue(problems(lines, NEW, OLD) or verify(lines, NEW, OLD).open_chain)

    def test_without_the_old_key(self):
        found = verify(self.lines, NEW)
        self.assertEqual([line for line, _ in found.problems], [1, 8])
        self.assertIn("not in keys_dir", found.problems[0].text)

    def test_an_old_key_signs_nothing_new(self):
        """A thief of a key that was rotated writes a chain behind the log's end."""
        forged = write(key=OLD, previous=last_value("".join(self.lines)))
        self.assertEqual(problems(self.lines + forged, NEW, OLD), [22])


def acras(count=3, key=KEY, ended=True):
    """A chain as Acra writes it: the first line is any, and no line names the chain before."""
    chain = Chain(key, "plaintext")
    texts = [f'time="now" level=info msg="Line {n}"' for n in range(count)]
    if ended:
        texts.append(f'time="now" level=info msg="{LAST_WORDS[1]}" chain={END}')
    return [chain.sign(text) + "\n" for text in texts]


UNSIGNED = [f'time="now" level=info msg="Starting {n}"\n' for n in range(6)]


class BeforeSigning(SynchronousTestCase):
    def test_lines_of_acra_before_it_signs_are_named_once(self):
        for lines, runs, chains in (
            (UNSIGNED + acras(), [Run(1, 6, False)], 1),
            # It is started again.
            (
                UNSIGNED + acras() + UNSIGNED + acras(),
                [Run(1, 6, False), Run(11, 16, False)],
                2,
            ),
            (UNSIGNED + write(), [Run(1, 6, False)], 1),
            (acras() + UNSIGNED, [Run(5, 10, False)], 1),
            (acras() + write(previous=last_value("".join(acras()))), [], 2),
        ):
            found = verify(lines)
            self.assertEqual((found.problems, found.unsigned), ([], runs))
            self.assertEqual(found.chains, [chains])

    def test_inside_of_a_chain_and_behind_ours_they_were_added(self):
        self.assertEqual(problems(acras()[:2] + UNSIGNED[:2] + acras()[2:]), [3])
        self.assertEqual(problems(write() + UNSIGNED), [8])
        lines = acras(ended=False) + UNSIGNED + acras()
        [problem] = verify(lines).problems
        self.assertEqual(problem.line, 4)
        self.assertIn("AcraConnector's", problem.text)
        self.assertNotIn("AcraConnector", verify(write() + UNSIGNED).problems[0].text)

    def test_they_take_the_place_of_no_chain(self):
        first = write()
        second = write(previous=last_value("".join(first)))
        self.assertEqual(problems(UNSIGNED + second), [7])
        self.assertEqual(problems(second), [])

    def test_what_was_changed_behind_them_is_found(self):
        lines = UNSIGNED + acras()
        lines[7] = lines[7].replace("Line", "line")
        self.assertEqual(problems(lines), [8])
        self.assertTrue(verify(UNSIGNED + acras()[:-1]).open_chain)

    def test_json_that_acra_has_signed(self):
        lines = [
            json.dumps({"code": n, "integrity": "b3" * 32, "msg": "x"}) + "\n" for n in range(3)
        ]
        found = verify(lines)
        self.assertEqual((found.chains, found.problems), ([0], []))
        self.assertEqual(found.unsigned, [Run(1, 3, True)])
        # Ours goes on in the same file.
        found = verify(UNSIGNED[:1] + lines + write(style="json"))
        self.assertEqual(found.unsigned, [Run(1, 1, False), Run(2, 4, True)])
        self.assertEqual((found.chains, found.problems), ([1], []))
        # It does not stand for one of ours.
        ours = write(style="json")
        self.assertEqual(problems(ours[:2] + lines[:1] + ours[2:]), [3])

    def test_no_log_at_all(self):
        for lines in ([], ["{}"], ['{"integrity": 5}'], ['{"integrity": "x"}', "["], ["{" * 90000]):
            self.assertEqual(verify(lines).chains, [0])
            self.assertFalse(any(run.foreign for run in verify(lines).unsigned))
