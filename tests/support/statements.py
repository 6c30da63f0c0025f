"""Hypothesis strategies for PostgreSQL statements on the tables of `tests.support.planning`.

Each literal that is written is another one, so that it is known again wherever it turns up.
"""

from hypothesis import strategies as st

PROTECTED = ("name", "email", "age", "card", "phone", "flag")
COLUMNS = ("id", "name", "email", "note", "age", "card", "phone", "flag")
#: Forms of a literal with a text in it: those that a column of text may be given, and others.
GOOD = ("'%s'", "'%s'", "E'%s'", "$$%s$$", "U&'%s'", "N'%s'", "'%s'::text", "'%s'::varchar(80)")
GOOD += ("cast('%s' as text)", "varchar '%s'", "('%s')", "decode('41', 'hex')", "null", "''", "5")
TEXTS = GOOD[: GOOD.index("decode('41', 'hex')")]
ODD = ("'%s'::json", "X'41'", "'%s' || 'a'", "upper('%s')", "'%s' collate \"C\"", "-5", "true")
ODD += ("default", "'%s'::bytea", "convert_to('%s', 'UTF8')")
PARAMETERS = ("$1", "$2", "$3", "$1::text", "$2::varchar", "($3)", "cast($1 as varchar(80))")


@st.composite
def literal(draw):
    form = draw(st.sampled_from(ODD if draw(st.integers(0, 9)) == 5 else GOOD))
    return form.replace("%s", f"secret{draw(st.integers(0, 999))}")


#: Values that a column of text may be compared with.
texts = st.sampled_from(TEXTS).map(lambda form: form.replace("%s", "secret"))


@st.composite
def columns(draw, names=("people",)):
    table = draw(st.sampled_from((*names, "")))
    column = draw(st.sampled_from((*COLUMNS, "title", "total", "a", "b")))
    return f"{table}.{column}" if table else column


def _joined(template, *parts):
    return st.tuples(*parts).map(lambda found: template % found)


def _expressions(inner):
    return st.one_of(
        _joined("coalesce(%s, %s)", inner, inner),
        _joined("nullif(%s, %s)", inner, inner),
        _joined("case when %s then %s else %s end", conditions, inner, inner),
        _joined("case %s when %s then %s end", inner, inner, inner),
        _joined("(select %s)", inner),
        _joined("(select %s from clones limit 1)", inner),
        _joined("(select a from (select %s as a, %s as b) q limit 1)", inner, inner),
        _joined("(select b from (values (%s, %s), (%s, %s)) v(a, b) limit 1)", *[inner] * 4),
        _joined("(with q as (select %s as a) select a from q limit 1)", inner),
        _joined("(%s)::varchar(80)", inner),
        _joined("(%s)::bytea", inner),
        _joined("%s || %s", inner, inner),
        _joined("lower(%s)", inner),
        _joined("(%s)", inner),
    )


_simple = st.one_of(literal(), literal(), literal(), st.sampled_from(PARAMETERS))
_any = st.one_of(_simple, _simple, _simple, columns())
values = st.deferred(
    lambda: st.one_of(_simple, _simple, st.recursive(_any, _expressions, max_leaves=3))
)
conditions = st.deferred(
    lambda: st.one_of(
        *[st.sampled_from(("true", "people.id = '1'", "note = 'a'", "email is null"))] * 6,
        _joined("%s = %s", columns(), texts),
        _joined("%s is not distinct from %s", columns(), texts),
        _joined("%s in (select %s from clones)", columns(), columns()),
        _joined("exists (select from clones where %s = %s)", columns(), columns()),
    )
)
_lists = st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=3, unique=True)


@st.composite
def assignments(draw):
    names = draw(_lists)
    given = [draw(values) for _ in names]
    if len(names) > 1 and draw(st.booleans()):
        row = draw(st.sampled_from(("(%s)", "row(%s)", "(select %s)"))) % ", ".join(given)
        return f"({', '.join(names)}) = {row}"
    return ", ".join(f"{name} = {value}" for name, value in zip(names, given, strict=True))


@st.composite
def inserts(draw):
    names = draw(_lists)
    width = len(names)
    listed = f" ({', '.join(names)})" if draw(st.booleans()) else ""
    if draw(st.booleans()):
        rows = [
            "(" + ", ".join(draw(values) for _ in range(width)) + ")"
            for _ in range(draw(st.integers(1, 3)))
        ]
        source = f"values {', '.join(rows)}"
    else:
        items = ", ".join(draw(values) for _ in range(width))
        source = draw(
            st.sampled_from(
                (
                    f"select {items}",
                    f"select {items} from clones",
                    f"select distinct {items}",
                    f"select {items} union all select {items}",
                    f"select * from (select {items}) q",
                    f"select * from (values ({items})) q",
                    f"select {items} from (select 0) as values (a), (select 1) q",
                    f"select * from (select {items}) values",
                    "select id, name, email, title from clones",
                    "select * from clones",
                    "table clones",
                    f"select {items} from orders order by 1 limit 2",
                )
            )
        )
    conflict = draw(st.sampled_from(("", "", " on conflict do nothing", "update")))
    if conflict == "update":
        conflict = f" on conflict (id) do update set {draw(assignments())}"
    returning = draw(st.sampled_from(("", " returning *", " returning id, name")))
    return f"insert into people{listed} {source}{conflict}{returning}"


@st.composite
def updates(draw):
    source = draw(st.sampled_from(("", " from clones", " from orders o")))
    where = draw(st.one_of(st.just(""), conditions.map(" where {}".format)))
    return f"update people set {draw(assignments())}{source}{where}"


@st.composite
def merges(draw):
    return (
        "merge into people using orders o on people.id = o.id "
        f"when matched then update set {draw(assignments())} "
        f"when not matched then insert (id, name) values (o.id, {draw(values)})"
    )


@st.composite
def queries(draw):
    items = ", ".join(draw(st.lists(columns(("p", "q")), min_size=1, max_size=3)))
    source = draw(
        st.sampled_from(
            (
                "people p",
                "people p, orders q",
                "people p join clones q using (id)",
                "people p natural join orders q",
                "people p cross join lateral (select p.name as a, p.note as b) q",
                "(select * from people) p, (values ('1', 'v')) q(a, b)",
                "(people p left join clones q on p.id = q.id) as q",
                "people as p(a, b, title)",
                "adults p",
                "(select id, name from people union all select id, name from clones) p",
            )
        )
    )
    where = draw(st.one_of(st.just("true"), conditions, _joined("%s = 'x'", columns(("p", "q")))))
    end = draw(
        st.one_of(
            st.just(""),
            _joined(" order by %s", columns(("p", "q"))),
            st.integers(1, 3).map(" order by {}".format),
            _joined(" group by %s", columns(("p", "q"))),
            _joined(" group by rollup ((%s, 1))", columns(("p", "q"))),
            st.just(" limit 5"),
        )
    )
    distinct = draw(st.sampled_from(("", "", "", "distinct ")))
    text = f"select {distinct}{items} from {source} where {where}{end}"
    return draw(
        st.sampled_from(
            (
                text,
                f"select * from ({text}) r",
                f"with r as ({text}) select * from r",
                f"select * from orders where exists ({text})",
            )
        )
    )


writes = st.one_of(
    inserts(),
    updates(),
    merges(),
    _joined("with w as (%s) select 1", updates()),
    _joined("explain %s", inserts()),
)
statements = st.one_of(writes, queries())

#: Columns that searches name most: two whose equal values can be told, one that is protected
#: otherwise, and one that is not.
_sought = st.sampled_from(("email", "email", "email", "phone", "phone", "name", "note", "p.email"))
_constants = st.sampled_from(
    (*TEXTS, "'secret'", "'other'", "'other'", "''", "null", "'none'", "upper('secret')")
).map(lambda form: form.replace("%s", "secret"))
_tests = st.deferred(
    lambda: st.one_of(
        _joined("%s = %s", _sought, _constants),
        _joined("%s <> %s", _sought, _constants),
        _joined("%s = %s", _constants, _sought),
        _joined("(%s) != (%s)", _sought, _constants),
        _joined("%s is distinct from %s", _sought, _constants),
        _joined("%s is not distinct from %s", _constants, _sought),
        _joined("%s in (%s, %s)", _sought, _constants, _constants),
        _joined("%s not in (%s, %s)", _sought, _constants, _constants),
        _joined("%s = any (array[%s, %s])", _sought, _constants, _constants),
        _joined("%s <> all ('{secret,other}')", _sought),
        _joined("%s like 'secret'", _sought),
        _joined("%s is not null", _sought),
        _joined("case %s when %s then true when 'other' then null end", _sought, _constants),
        _joined("(%s, id) = (%s, 1)", _sought, _constants),
        _joined("(%s, id) in (values (%s, 1))", _sought, _constants),
        _joined("%s between %s and 'x'", _sought, _constants),
        _joined("%s in (select %s from people p where p.id < 5)", _sought, _sought),
        _joined("%s in (select distinct %s from people p)", _sought, _sought),
        _joined(
            "%s in (select %s from people p group by %s having count(*) > 1)",
            *(_sought, _sought, _sought),
        ),
        _joined("exists (select from people q where q.email = p.email and q.id %s p.id)", _signs),
        _joined("not (%s)", _tests),
        _joined("(%s and %s)", _tests, _tests),
        _joined("(%s or id = 2)", _tests),
    )
)
_signs = st.sampled_from(("<", "<>"))
_shown = st.one_of(
    _sought,
    _sought,
    _sought,
    _joined("%s as e", _sought),
    st.sampled_from(("id", "id < 3", "max(id)", "count(*)", "'a'")),
    _joined("count(%s)", _sought),
    _joined("count(distinct %s)", _sought),
    _joined("(%s) is true", _tests),
    _joined("coalesce(%s, null)", _sought),
    _joined("count(*) filter (where %s)", _tests),
    _joined("count(*) over (partition by %s)", _sought),
)
_grouped = st.one_of(_sought, _sought, st.sampled_from(("1", "2", "e", "id", "rollup (email)")))


@st.composite
def searches(draw):
    """Queries that compare columns, and put rows together."""
    source = draw(
        st.sampled_from(
            ("people p", "people p", "people p", "people p join orders o using (id)")
            + ("(select id, email, name, phone, note from people) p",)
            + ("(select distinct email, id, name, phone, note from people) p",)
            + (
                "people p join people r using (phone)",
                "people p join people r on r.email = p.email",
            )
        )
    )
    items = ", ".join(draw(st.lists(_shown, min_size=1, max_size=3)))
    kind = draw(st.sampled_from(("", "", "distinct", "group", "group", "union")))
    where = draw(st.one_of(st.just(""), _tests.map(" where {}".format)))
    text = f"select {'distinct ' * (kind == 'distinct')}{items} from {source}{where}"
    if kind == "group":
        text += " group by " + ", ".join(draw(st.lists(_grouped, min_size=1, max_size=2)))
        text += draw(st.one_of(st.just(""), _tests.map(" having {}".format)))
    elif kind == "union":
        column = draw(_sought)
        text = f"select {column} from people p union select {column} from people p{where}"
    return draw(
        st.sampled_from(
            (text, text, f"select * from ({text}) r", f"select count(*) from ({text}) r")
        )
    )
