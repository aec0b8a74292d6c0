import csv
from html.parser import HTMLParser
from io import BytesIO, StringIO

import django_filters
import django_tables2 as tables
import pytest
from openpyxl import load_workbook

from studytracker import protocol
from studytracker.access.people import grant
from studytracker.web.listing import listing


class PersonTable(tables.Table):
    caption = "People"
    username = tables.Column(linkify=lambda record: f"/people/{record.pk}/")
    email = tables.Column()
    is_active = tables.Column(orderable=False)


class PersonFilter(django_filters.FilterSet):
    username = django_filters.CharFilter(lookup_expr="icontains", label="Username contains")
    number = django_filters.NumberFilter(field_name="pk", label="Number")
    active = django_filters.BooleanFilter(field_name="is_active", label="Active")
    joined = django_filters.DateFromToRangeFilter(field_name="date_joined", label="Joined")
    kind = django_filters.MultipleChoiceFilter(
        field_name="first_name", choices=[("c", "Coordinator"), ("i", "Investigator")], label="Kind"
    )


class Table(HTMLParser):
    """The cells of the first column, and the attributes of every tag."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.first_cells, self.column, self.text = [], [], None, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.column = -1
        if tag == "td":
            self.column += 1

    def handle_data(self, data):
        self.text.append(data)
        if self.column == 0 and data.strip():
            self.first_cells.append(data.strip())

    def all(self, tag, **attrs):
        return [found for name, found in self.tags if name == tag and attrs.items() <= found.items()]


@pytest.fixture
def people(trial, django_user_model):
    """Sixty people, the first of whom may export."""
    kinds = ["c", "i", ""]
    made = django_user_model.objects.bulk_create(
        django_user_model(
            username=f"person.{n:02}", email=f"{'=' if n == 3 else ''}{n % 2}@example.org", first_name=kinds[n % 3]
        )
        for n in range(60)
    )
    grant(username=made[0].username, role="administrator", site=None)
    return made


@pytest.fixture
def show(rf, people, django_user_model):
    def show(query="", **kwargs):
        request = rf.get("/people/" + query)
        request.user = people[0]
        return listing(
            request,
            table_class=PersonTable,
            filterset_class=PersonFilter,
            queryset=django_user_model.objects.order_by("username"),
            template="web/listing.html",
            site_field=None,
            **kwargs,
        )

    return show


def table_in(response):
    assert response.status_code == 200
    return Table(response.content.decode())


def names(response):
    return [text for text in table_in(response).first_cells if text.startswith("person.")]


def csv_in(response):
    return list(csv.reader(StringIO(b"".join(response.streaming_content).decode("utf-8-sig"), newline="")))


def test_a_page_shows_25_rows_and_says_how_many_there_are(show):
    response = show()
    assert names(response) == [f"person.{n:02}" for n in range(25)]
    assert "Rows 1 to 25 of 60" in response.content.decode()


def test_the_last_page_holds_the_rest(show):
    assert names(show("?page=3")) == [f"person.{n:02}" for n in range(50, 60)]


@pytest.mark.parametrize(
    ("page", "first"),
    [("0", 0), ("-7", 0), ("x", 0), ("", 0), ("1.5", 0), ("%00", 0), ("4", 50), ("999999", 50), ("9" * 30, 0)],
)
def test_a_page_that_does_not_exist_is_the_nearest(show, page, first):
    assert names(show(f"?page={page}"))[0] == f"person.{first:02}"


@pytest.mark.parametrize("size", ["0", "-3", "9" * 30, "x"])
def test_the_number_of_rows_on_a_page_is_not_for_the_address_to_say(show, size):
    assert len(names(show(f"?per_page={size}"))) == 25


def test_rows_that_sort_alike_are_each_on_one_page(show):
    seen = [name for page in (1, 2, 3) for name in names(show(f"?sort=email&page={page}"))]
    assert sorted(seen) == [f"person.{n:02}" for n in range(60)]


def test_the_sorted_column_says_so_and_links_to_the_other_way(show):
    table = table_in(show("?sort=-username&username=person&page=2"))
    assert table.first_cells[-1] == "person.10"
    assert [th.get("aria-sort") for th in table.all("th", scope="col")] == ["descending", None, None]
    assert table.all("a", href="?sort=username&username=person")


@pytest.mark.parametrize(
    "key", ["password", "-password", "--username", "is_active", "memberships__site", "a.b", "", "%00", "?", "x" * 999]
)
def test_a_sort_key_that_is_no_column_is_ignored(show, key):
    assert names(show(f"?sort={key}"))[0] == "person.00"


def test_the_table_is_named_and_reached_by_keyboard(show):
    table = table_in(show())
    assert table.all("div", role="region", tabindex="0", **{"aria-label": "People"})
    assert table.all("caption") == [{"class": "caption-top"}]
    assert len(table.all("a", **{"aria-current": "page", "class": "page-link"})) == 1


def test_a_filter_narrows_the_rows_and_stays_open(show):
    response = show("?username=son.1")
    assert names(response) == [f"person.{n}" for n in range(10, 20)]
    assert table_in(response).all("details", **{"class": "filters mb-3"})[0].get("open", "shut") is None
    assert "Filter: Username contains: son.1" in response.content.decode()
    assert "10 rows" in response.content.decode()


def test_no_row_says_so(show):
    text = show("?username=nobody").content.decode()
    assert "No rows" in text
    assert "Nothing to show." in text


@pytest.mark.parametrize(
    ("query", "box"),
    [
        ("number=abc", "abc"),
        ("number=" + "9" * 30, "9" * 30),
        ("number=1e400", "1e400"),
        ("number=1e30", "1e30"),
        ("username=a%00b", "a\0b"),
        ("username=" + "x" * 5000, "x" * 5000),
        ("joined_after=2025-02-31", "2025-02-31"),
        ("joined_after=%00", "\0"),
    ],
)
def test_a_filter_that_cannot_be_used_is_named_and_the_rows_are_shown_without_it(show, query, box):
    response = show(f"?{query}")
    assert len(names(response)) == 25
    table = table_in(response)
    assert len([div for div in table.all("div") if "invalid-feedback" in div.get("class", "")]) == 1
    assert [found.get("value") for found in table.all("input") if "is-invalid" in found.get("class", "")][0] == box


@pytest.mark.parametrize("query", ["kind=zzz", "kind=c&kind=%00", "active=%F0%9F", "number=%ED%A0%80", "a%00=1"])
def test_garbage_never_breaks_the_page(show, query):
    assert len(names(show(f"?{query}"))) == 25


def test_a_file_holds_exactly_the_filtered_and_sorted_rows_of_all_pages(show):
    found = csv_in(show("?username=person&sort=-username&page=2&format=csv"))
    assert found[0] == ["Username", "Email address", "Active"]
    assert [row[0] for row in found[1:]] == [f"person.{n:02}" for n in reversed(range(60))]
    assert [row[1] for row in found if row[0] == "person.03"] == ["'=1@example.org"]


def test_the_xlsx_has_the_same_rows_and_says_how_it_was_made(show):
    query = "?username=son.1&sort=-username&kind=c&kind=i&format="
    book = load_workbook(BytesIO(show(query + "xlsx").content))
    rows = [list(row) for row in book["People"].values]
    assert [[str(value) for value in row] for row in rows] == csv_in(show(query + "csv"))
    about = dict(book["About"].values)
    rules = protocol.current()
    assert about["Title"] == "People"
    assert about["Filters"] == "Username contains: son.1; Kind: Coordinator, Investigator"
    assert about["Made by"] == "person.00"
    assert about["Protocol"] == f"NCT03171194, version {rules.version}, file hash {rules.sha256[:12]}"


def test_filters_are_put_in_words_a_reader_knows(show):
    book = load_workbook(BytesIO(show("?active=true&joined_after=2025-03-04&format=xlsx").content))
    assert dict(book["About"].values)["Filters"] == "Active: yes; Joined: Tue 4 Mar 2025 to any"
    assert dict(load_workbook(BytesIO(show("?format=xlsx").content))["About"].values)["Filters"] == (
        "none: all rows this person may see"
    )


def test_links_to_the_files_keep_the_filters_and_drop_the_page(show):
    table = table_in(show("?username=person&page=2&sort=email"))
    assert table.all("a", href="?username=person&sort=email&format=csv")
    assert table.all("a", href="?username=person&sort=email&format=xlsx")


def test_a_format_that_is_not_known_is_the_page(show):
    assert len(names(show("?format=docx"))) == 25


def test_a_view_may_add_to_the_page(show):
    assert "<h1>Staff</h1>" in show(extra={"heading": "Staff"}).content.decode()
