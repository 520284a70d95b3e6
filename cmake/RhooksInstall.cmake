# filled in with the library's install rules
