"""Reading of TOML sheets, shared by the sheets of rules and of plans; cells of CSV."""
