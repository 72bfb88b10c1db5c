"""One module a verb: it parses options, calls one function, and shows what that returns."""
