# Runs CPython's own tests of the named modules and prints one line a test with its
# outcome, so that two interpreters can be compared.
import sys
import unittest


class Outcomes(unittest.TestResult):
    def startTest(self, test):
        super().startTest(test)
        self.outcome = "ok"

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.outcome = "failed"

    def addError(self, test, err):
        super().addError(test, err)
        self.outcome = "error"

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.outcome = "skipped"

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.outcome = "failed"

    def stopTest(self, test):
        super().stopTest(test)
        print(test.id(), self.outcome)


import test.support
test.support.verbose = False
for name in sys.argv[1:]:
    try:
        suite = unittest.defaultTestLoader.loadTestsFromName("test." + name)
    except Exception as e:
        print(name, "cannot be loaded:", type(e).__name__, e)
        continue
    suite.run(Outcomes())
