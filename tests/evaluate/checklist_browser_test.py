"""Uses the page of a behavioural suite as a person would: in a headless browser, without a network.

checklist_browser_test.py SMALL.html LARGE.html [--screenshots]: evaluate_test writes both (ChecklistPage.*).
"""

import argparse
import base64
import os
import pathlib
import sys
import time
import unittest

SKIPPED = 77


def open_browser():
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                     "--force-device-scale-factor=1", "--host-resolver-rules=MAP * ~NOTFOUND",
                     "--disable-background-networking", "--disable-component-update"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options)


class PageTest(unittest.TestCase):
    small = large = None
    screenshots = False

    @classmethod
    def setUpClass(cls):
        cls.browser = open_browser()
        cls.addClassCleanup(cls.browser.quit)

    def show(self, page, width=1200, height=900, scheme="light"):
        from selenium.webdriver.support.ui import WebDriverWait

        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})
        self.browser.get(page.resolve().as_uri())
        WebDriverWait(self.browser, 60).until(
            lambda browser: browser.execute_script("return document.documentElement.dataset.drawn"))

    def all(self, selector):
        return self.browser.find_elements("css selector", selector)

    def one(self, selector):
        return self.browser.find_element("css selector", selector)

    def press(self, *keys):
        from selenium.webdriver.common.action_chains import ActionChains

        for key in keys:
            ActionChains(self.browser).send_keys(key).perform()

    def focused(self):
        return self.browser.switch_to.active_element

    def open_test(self, name):
        [button] = [button for button in self.all(".tests .name") if button.text == name]
        button.click()
        return button

    def save_screenshot(self, name):
        if not self.screenshots:
            return
        size = self.browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        image = self.browser.execute_cdp_cmd("Page.captureScreenshot", {
            "captureBeyondViewport": True, "clip": {**size, "height": min(size["height"], 2400), "scale": 1}})
        self.small.with_name(name).write_bytes(base64.b64decode(image["data"]))

    def test_fits_the_window_and_logs_nothing(self):
        for width in (1200, 390):
            for scheme in ("light", "dark"):
                self.show(self.small, width=width, scheme=scheme)
                self.open_test("case")
                overflow = self.browser.execute_script(
                    "return document.documentElement.scrollWidth - document.documentElement.clientWidth")
                self.assertEqual(overflow, 0, (width, scheme))
                self.save_screenshot(f"small-{width}-{scheme}.png")
        self.assertEqual([entry for entry in self.browser.get_log("browser") if entry["level"] != "INFO"], [])

    def test_colours_follow_the_scheme(self):
        colours = set()
        for scheme in ("light", "dark"):
            self.show(self.small, scheme=scheme)
            colours.add(self.one("body").value_of_css_property("background-color"))
        self.assertEqual(len(colours), 2)

    def test_matrix_shows_ranges_and_chooses_tests(self):
        self.show(self.small)
        self.assertEqual([row.text for row in self.all(".matrix tbody th")],
                         ["Vocabulary", "Robustness", "Negation", "Own </script> row"])
        cell = self.one('.matrix button[data-capability="Negation"]')
        self.assertEqual(cell.get_attribute("aria-label"), "Negation, minimum functionality: 1 test, failure rate 100.0 %")
        cell.click()
        self.assertEqual([name.text for name in self.all(".tests .name")], ["negation"])
        self.assertEqual(cell.get_attribute("aria-pressed"), "true")
        cell.click()
        self.assertEqual(len(self.all(".tests .name")), 5)

    def test_examples_show_the_change_and_the_answers(self):
        self.show(self.small)
        button = self.open_test("case")
        self.assertEqual(button.get_attribute("aria-expanded"), "true")
        examples = self.all(".example")
        self.assertEqual(len(examples), 3)
        self.assertEqual([word.text for word in examples[0].find_elements("tag name", "del")][0], "good")
        self.assertEqual([word.text for word in examples[0].find_elements("tag name", "ins")][0], "GOOD")
        self.assertIn("positive 0.80", examples[0].text)
        self.assertIn("negative 0.80", examples[0].text)
        self.assertIn("failed by", examples[0].text)
        self.assertIn("thing: food", examples[0].text)
        self.open_test("negation")
        self.assertIn("expected negative", self.all(".example")[0].text)
        self.assertEqual(len(self.all(".detail")), 1)
        self.open_test("numbers")
        self.assertIn("Not run: the perturbation change_numbers applies to none", self.one(".panel").text)

    def test_search_tag_and_status_filter(self):
        from selenium.webdriver.support.ui import Select

        self.show(self.small)
        self.open_test("plain words")
        self.assertEqual(len(self.all(".example.p")), 6)
        self.one(".panel input").send_keys("BAD")
        self.assertEqual(len(self.all(".example")), 3)
        Select(self.one('.panel select[aria-label="Which tag"]')).select_by_visible_text("thing = bar")
        self.assertEqual([example.text.split("\n")[1].split(" →")[0] for example in self.all(".example")], ["The bar is bad."])
        self.assertEqual(self.one(".panel .count").text, "1 case")
        Select(self.one('.panel select[aria-label="Which cases"]')).select_by_visible_text("failed")
        self.assertEqual(self.all(".example"), [])

    def test_keys_alone_are_enough(self):
        from selenium.webdriver.common.keys import Keys

        self.show(self.small)
        self.browser.execute_script("document.querySelector('.matrix button').focus()")
        self.press(Keys.ARROW_RIGHT)
        self.assertEqual((self.focused().get_attribute("data-capability"), self.focused().get_attribute("data-type")), ("Vocabulary", "DIR"))
        self.press(Keys.ARROW_LEFT, Keys.ARROW_DOWN)
        self.assertEqual(self.focused().get_attribute("data-capability"), "Negation")
        self.press(Keys.ENTER)
        self.assertEqual([name.text for name in self.all(".tests .name")], ["negation"])
        self.press(Keys.ESCAPE)
        self.assertEqual(len(self.all(".tests .name")), 5)
        self.press("/")
        self.assertEqual(self.focused().get_attribute("id"), "find")
        self.press("c", "a", "s", "e")
        self.assertEqual([name.text for name in self.all(".tests .name")], ["case"])
        self.press(Keys.ARROW_DOWN, Keys.ENTER)
        self.assertEqual(len(self.all(".example")), 3)
        self.press("/")
        self.assertEqual(self.focused().get_attribute("aria-label"), "Search texts")
        self.press("r", "o", "o", "m")
        self.assertEqual(len(self.all(".example")), 1)
        self.press(Keys.ESCAPE)
        self.assertEqual(len(self.all(".example")), 3)
        self.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
        self.assertIn("example", self.focused().get_attribute("class"))
        self.press(Keys.ESCAPE)
        self.assertEqual(self.all(".example"), [])
        self.assertEqual(self.focused().text, "case")

    def test_ninety_thousand_examples_stay_quick(self):
        self.show(self.large)
        self.assertEqual(self.one(".headline dd:nth-of-type(1)").text, "5")
        begin = time.monotonic()
        self.open_test("case")
        self.assertEqual(len(self.all(".example")), 20)
        self.assertLess(time.monotonic() - begin, 10)
        self.one(".more").click()
        self.assertEqual(len(self.all(".example")), 40)
        self.one(".panel input").send_keys("number 29999.")
        self.assertEqual(len(self.all(".example")), 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("small", type=pathlib.Path)
    parser.add_argument("large", type=pathlib.Path)
    parser.add_argument("--screenshots", action="store_true", help="leave small-WIDTH-SCHEME.png beside the pages")
    arguments = parser.parse_args()
    try:
        import selenium  # noqa: F401
    except ImportError:
        print("python3-selenium is not installed (packages/check.txt)", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else SKIPPED
    PageTest.small, PageTest.large, PageTest.screenshots = arguments.small, arguments.large, arguments.screenshots
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(PageTest)
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
