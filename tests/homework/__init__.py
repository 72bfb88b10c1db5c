"""Homework: backwards as students write them by hand, right ones and wrong ones.

The shapes are those of the published assignments (CS231n, deeplearning.ai); the code is our own.
What checks a pair of functions is measured on it.
"""
