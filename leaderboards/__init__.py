"""Judgments -> battles -> ranking, agreement, audit -> static page.

Everything here is a pure function: tables in, records (or the bytes of a page) out. No model is
called and no file is read or written.
"""
