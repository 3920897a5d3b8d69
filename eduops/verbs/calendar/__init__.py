"""What the verbs of `eduops calendar` do. Shell."""
