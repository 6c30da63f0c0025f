"""Tokens in the place of values: the stores of their records, and the tokenizer on top of them."""
