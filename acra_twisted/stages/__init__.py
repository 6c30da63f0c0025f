"""The stages that come with the product."""
