import unittest

from calculator import evaluate


class CalculatorTest(unittest.TestCase):
    def test_sum(self):
        self.assertEqual(evaluate("1 + 2"), 3)

    def test_product_binds_stronger(self):
        self.assertEqual(evaluate("1 + 2 * 3"), 7)

    def test_parentheses(self):
        self.assertEqual(evaluate("(1 + 2) * 3"), 9)


if __name__ == "__main__":
    unittest.main()
