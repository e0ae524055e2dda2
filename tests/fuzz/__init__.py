"""`make fuzz`: damaged captures must never crash or hang a decoder or the rules."""
