"""The books: customers, sites, contacts, custody, entitlements; read from files, checked, asked. Pure."""
