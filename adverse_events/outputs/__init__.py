"""The conventional safety outputs: listings and tables, each one Table class for page, CSV, XLSX and PDF.

`reading` turns the record into plain rows (`rows`); `tallies` and the modules named after it count them; `tables`,
`listings` and `event_listings` say how they stand on a page; `signed` has them signed as they were displayed.
"""
