"""Every output by its code, in the order of the index."""

from . import event_listings, listings, tables

LISTINGS = (
    event_listings.EventListing,
    event_listings.SeriousListing,
    event_listings.Deaths,
    event_listings.CodingCheck,
    listings.DispositionListing,
    listings.ExposureListing,
    listings.DeviationListing,
    listings.LabAbnormalities,
)
TABLES = (
    tables.SafetySummary,
    tables.EventsByTerm,
    tables.EventsByGrade,
    tables.EventsByRelatedness,
    tables.Disposition,
    tables.Enrolment,
    tables.ScreenFailures,
    tables.DeviationTally,
    tables.Demographics,
    tables.Exposure,
    tables.VisitCompliance,
    tables.LabShifts,
    tables.LabSummary,
)
OUTPUTS = {output.code: output for output in (*LISTINGS, *TABLES)}
