"""Models of other libraries under this one's protocol; each library is imported by the one file named after it."""
