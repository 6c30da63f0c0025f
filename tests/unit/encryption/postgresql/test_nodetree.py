"""Expressions as PostgreSQL keeps them in its catalog."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql import nodetree
from acra_twisted.encryption.postgresql.schema import SchemaError

CONST = (
    "{CONST :consttype 17 :constisnull false :location 39 :constvalue 7 [ 28 0 0 0 120 -1 122 ]}"
)


class Reading(SynchronousTestCase):
    def test_a_node_has_fields_of_words_nodes_and_lists(self):
        [node] = nodetree.read("{QUERY :a 1 :b {X :c <>} :d ({X :c 2} {Y}) :e true}")
        self.assertEqual((node.kind, node.number("a"), node.word("e")), ("QUERY", 1, "true"))
        self.assertEqual([inner.word("c") for inner in node.nodes("b")], ["<>"])
        self.assertEqual([inner.kind for inner in node.nodes("d")], ["X", "Y"])
        self.assertEqual((node.word("b"), node.number("e"), node.word("x")), ("", 0, ""))
        self.assertEqual((list(node.nodes("a")), list(node.nodes("x"))), ([], []))

    def test_a_list_of_nodes_is_read_as_they_are(self):
        self.assertEqual([node.kind for node in nodetree.read("({A} {B})")], ["A", "B"])
        self.assertEqual(list(nodetree.read("<>")), [])
        self.assertEqual(list(nodetree.read("")), [])

    def test_the_bytes_of_a_constant(self):
        [node] = nodetree.read(CONST)
        self.assertEqual(node.content("constvalue"), b"\x1c\0\0\0x\xffz")
        self.assertIsNone(node.content("location"))
        self.assertIsNone(node.content("other"))

    def test_escaped_characters_divide_nothing(self):
        [node] = nodetree.read(r"{A :name a\ b\{\(\)\}\\ :other 1}")
        self.assertEqual(node.word("name"), r"a\ b\{\(\)\}\\")
        self.assertEqual(node.number("other"), 1)

    def test_a_word_that_begins_with_a_colon_is_no_field(self):
        [node] = nodetree.read("{A :resname :resorigtbl :resorigtbl 5 :names (:a)}")
        self.assertEqual((node.word("resname"), node.number("resorigtbl")), (":resorigtbl", 5))
        self.assertEqual(set(node.fields), {"resname", "resorigtbl", "names"})

    def test_a_text_that_is_no_tree_is_refused(self):
        for text in ("{A", "(", "}", ")", "{A)", "({A}", "(}", "{A :b {C)}"):
            self.assertRaises(SchemaError, nodetree.read, text)

    def test_one_that_is_too_deep_or_too_long_is_refused(self):
        deep = nodetree.MAX_DEPTH
        self.assertEqual(len(nodetree.read("{A :b " * deep + "}" * deep)), 1)
        self.assertRaises(SchemaError, nodetree.read, "(" * (deep + 1) + ")" * (deep + 1))
        for text in ("x" * (nodetree.MAX_SIZE + 1), nodetree.CUT):
            self.assertRaises(nodetree.TreeLimitError, nodetree.read, text)

    @given(st.text(st.sampled_from("{}():\\<>[] ab0-\n\x00é")))
    def test_any_text_is_read_or_refused(self, text):
        try:
            found = nodetree.read(text)
        except SchemaError:
            return
        self.assertIsInstance(list(found), list)

    @given(
        st.recursive(
            st.integers(0, 99).map(str),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
            ),
        )
    )
    def test_what_is_written_is_read(self, value):
        [node] = nodetree.read(f"{{TOP :top {self.written(value)} :end 1}}")
        self.assertEqual(self.plain(node.fields["top"][0]), value)
        self.assertEqual(node.number("end"), 1)

    def written(self, value):
        if isinstance(value, str):
            return value
        if isinstance(value, list):
            return f"({' '.join(map(self.written, value))})"
        fields = " ".join(f":{name} {self.written(inner)}" for name, inner in value.items())
        return f"{{NODE {fields}}}"

    def plain(self, item):
        if isinstance(item, list):
            return [self.plain(inner) for inner in item]
        if isinstance(item, nodetree.TreeNode):
            return {name: self.plain(inner) for name, [inner] in item.fields.items()}
        return item
