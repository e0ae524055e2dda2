"""What a site installs (units, sample configurations) and what shows it (the demo). Not part of the distribution."""
