"""Pages of a listing that may be long: the rows of one page are read, and one more, and nothing is counted."""

from django.core.paginator import Page, Paginator

MOST_PAGES = 400  # beyond it a person filters, or takes the file: an offset reads all that it skips


class UncountedPaginator(Paginator):
    """Knows a page's rows and whether another follows. `count` is None until a last page was seen."""

    count = None
    last = 1
    reached_the_most = False

    def page(self, number):
        number = min(max(number, 1), MOST_PAGES)
        rows = self._read(number)
        if not rows and number > 1:  # typed by hand: the nearest page that exists
            number = max(1, -(-self._rows_up_to_the_most() // self.per_page))
            rows = self._read(number)
        more = len(rows) > self.per_page
        self.reached_the_most = more and number == MOST_PAGES
        self.last = number + 1 if more and not self.reached_the_most else number
        self.count = None if more else (number - 1) * self.per_page + len(rows)
        return Page(rows[: self.per_page], number, self)

    def _read(self, number):
        start = (number - 1) * self.per_page
        return list(self.object_list[start : start + self.per_page + 1])

    def _rows_up_to_the_most(self):
        return len(self.object_list[: MOST_PAGES * self.per_page])

    @property
    def num_pages(self):
        return self.last
