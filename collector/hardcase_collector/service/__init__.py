"""What people do around a case: propose, quote, ask for consent, dispatch, hand off, report. Called by web and app."""
