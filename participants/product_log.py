import django_filters
import django_tables2 as tables
from django.db.models import OuterRef, Subquery
from django.urls import reverse

from studytracker.protocol.models import Site

from .models import CustodyEvent, ProductLot


def with_balance(queryset):
    last = CustodyEvent.objects.filter(lot=OuterRef("pk")).order_by("-number").values("on_hand")[:1]
    return queryset.annotate(units_on_hand=Subquery(last)).order_by("site", "-pk")


class LotTable(tables.Table):
    caption = "Product lots"
    number = tables.Column(verbose_name="Lot", linkify=lambda record: reverse("lot", args=[record.pk]))
    site = tables.Column(accessor="site_id", order_by="site")
    donor_lot = tables.Column(verbose_name="Donor lot")
    collected_on = tables.DateColumn(verbose_name="Collected")
    cells_per_unit = tables.Column(verbose_name="Cells in each unit")
    viability_percent = tables.Column(verbose_name="Viable (%)")
    expires_at = tables.DateTimeColumn(format="j M Y H:i", verbose_name="Expires")
    released_at = tables.DateTimeColumn(format="j M Y H:i", verbose_name="Released", default="not released")
    units_on_hand = tables.Column(verbose_name="Units on hand")

    class Meta:
        empty_text = "No lot is on file. Record the first one when it is received."

    def render_cells_per_unit(self, value):
        return f"{value:,}"


class CustodyTable(tables.Table):
    caption = "Product accountability (21 CFR 312.62(a))"
    site = tables.Column(accessor="site_id", order_by="site")
    lot = tables.Column(
        accessor="lot__number", verbose_name="Lot", linkify=lambda record: reverse("lot", args=[record.lot_id])
    )
    number = tables.Column(verbose_name="Step")
    kind = tables.Column(accessor="get_kind_display", order_by="kind", verbose_name="What was done")
    units = tables.Column()
    on_hand = tables.Column(verbose_name="On hand after")
    happened_at = tables.DateTimeColumn(format="j M Y H:i", verbose_name="When")
    participant = tables.Column(accessor="participant__identifier", verbose_name="Given to")
    recorded_by = tables.Column(verbose_name="Who")
    note = tables.Column()

    class Meta:
        empty_text = "Nothing was received yet."


class LotFilter(django_filters.FilterSet):
    site = django_filters.ModelChoiceFilter(queryset=Site.objects.order_by("code"), empty_label="Any site")
    number = django_filters.CharFilter(lookup_expr="icontains", label="Lot contains", max_length=40)

    class Meta:
        model = ProductLot
        fields = ["site", "number"]


class CustodyFilter(django_filters.FilterSet):
    site = django_filters.ModelChoiceFilter(queryset=Site.objects.order_by("code"), empty_label="Any site")
    lot = django_filters.CharFilter(
        field_name="lot__number", lookup_expr="icontains", label="Lot contains", max_length=40
    )
    kind = django_filters.MultipleChoiceFilter(choices=CustodyEvent.Kind.choices, label="What was done")

    class Meta:
        model = CustodyEvent
        fields = ["site", "lot", "kind"]
