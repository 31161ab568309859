"""The documentation as a site: Markdown to HTML pages with search, ``llms.txt`` and the pages' Markdown.

Theory of operation. :mod:`sources` finds the files: in a clone they lie beside ``src``, in a wheel within
this package. :mod:`contents` reads ``docs/contents.toml``, the order of the pages. :mod:`reading` parses
every page; then :mod:`drawing_pages` writes HTML, when all anchors are known. Whatever is wrong with a page
(a link that leads nowhere, a picture without a description) is a problem with its place, and
``make docs`` fails when there is one. :mod:`building` puts all files of the site into one mapping;
:mod:`docs_server` serves that mapping, so no path of a request ever reaches the disk.
"""
