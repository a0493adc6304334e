"""Opens reports in a headless browser, without a network, and looks at what was drawn.

report_browser_test.py REPORT.html... [--screenshots]: exit 0 if every chart of every page is complete.
"""

import argparse
import base64
import json
import os
import pathlib
import sys
import unittest

SKIPPED = 77
SIZES = {"wide": (1200, 900), "narrow": (390, 844)}

# Where a data mark is, how large, and what it looks like.
MARKS = """
return [...arguments[0].querySelectorAll('g.data > *')].map((mark) => {
  const box = mark.getBoundingClientRect();
  const style = getComputedStyle(mark);
  return {type: mark.parentNode.classList[0], x: box.x, y: box.y, width: box.width, height: box.height,
          look: mark.getAttribute('href') || [...['d', 'x2', 'y2'].map((a) => mark.getAttribute(a)), style.fill, style.stroke].join(' ')};
});
"""

# Texts that reach out of their drawing, which cuts them off.
CUT_TEXTS = """
const frame = arguments[0].querySelector('svg').getBoundingClientRect();
return [...arguments[0].querySelectorAll('svg text')].filter((text) => {
  const box = text.getBoundingClientRect();
  const inside = box.left >= frame.left - 1 && box.right <= frame.right + 1 &&
                 box.top >= frame.top - 1 && box.bottom <= frame.bottom + 1;
  return getComputedStyle(text).opacity > 0 && box.width > 0 && !inside;
}).map((text) => text.textContent);
"""


def open_browser():
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                     "--force-device-scale-factor=1", "--host-resolver-rules=MAP * ~NOTFOUND",
                     "--hide-scrollbars", "--disable-background-networking", "--disable-component-update"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options)


class ReportTest(unittest.TestCase):
    reports = []
    screenshots = False

    @classmethod
    def setUpClass(cls):
        cls.browser = open_browser()
        cls.addClassCleanup(cls.browser.quit)

    def show(self, report, size, scheme):
        from selenium.webdriver.support.ui import WebDriverWait

        width, height = SIZES[size]
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})
        self.browser.get(report.resolve().as_uri())
        WebDriverWait(self.browser, 60).until(
            lambda browser: browser.execute_script("return document.documentElement.dataset.drawn"))

    def figures(self):
        return self.browser.find_elements("css selector", "figure.chart")

    def marks(self, figure):
        return self.browser.execute_script(MARKS, figure)

    def each_view(self):
        for report in self.reports:
            for size in SIZES:
                for scheme in ("light", "dark"):
                    self.show(report, size, scheme)
                    if self.screenshots:
                        self.save_screenshot(report.with_name(f"{report.stem}-{size}-{scheme}.png"))
                    yield f"{report.name}, {size}, {scheme}"

    def save_screenshot(self, file):
        size = self.browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        image = self.browser.execute_cdp_cmd("Page.captureScreenshot", {
            "captureBeyondViewport": True, "clip": {**size, "scale": 1}})
        file.write_bytes(base64.b64decode(image["data"]))

    def test_every_chart_is_drawn_and_fits_the_window(self):
        for view in self.each_view():
            overflow = self.browser.execute_script(
                "return document.documentElement.scrollWidth - document.documentElement.clientWidth")
            self.assertEqual(overflow, 0, view)
            figures = self.figures()
            self.assertGreater(len(figures), 0)
            for figure in figures:
                title = view + ": " + figure.find_element("tag name", "figcaption").text
                marks = self.marks(figure)
                self.assertGreater(int(figure.get_attribute("data-marks")), 0, title)
                self.assertEqual(len(marks), int(figure.get_attribute("data-marks")), title)
                self.check_marks(title, marks)
                self.assertEqual(self.browser.execute_script(CUT_TEXTS, figure), [], title)
                self.check_accessible_name(title, figure)
            self.assertEqual(self.browser.find_elements("class name", "failure"), [])

    def check_marks(self, title, marks):
        """The marks have an extent, and where there are several of a type, their places or their looks differ."""
        self.assertTrue(any(mark["width"] > 0 and mark["height"] > 0 for mark in marks), title)
        for kind in {mark["type"] for mark in marks}:
            of_kind = [mark for mark in marks if mark["type"] == kind]
            if len(of_kind) < 2:
                continue
            self.assertGreater(len({(mark["x"], mark["y"]) for mark in of_kind}), len(of_kind) // 2, title)
            if kind != "mark-symbol":
                self.assertGreater(len({mark["look"] for mark in of_kind}), 1, title)

    def check_accessible_name(self, title, figure):
        drawing = figure.find_element("class name", "drawing")
        self.assertTrue(drawing.get_attribute("aria-label"), title)

    def test_colours_follow_the_scheme(self):
        for report in self.reports:
            seen = set()
            for scheme in ("light", "dark"):
                self.show(report, "wide", scheme)
                body = self.browser.find_element("tag name", "body").value_of_css_property("background-color")
                seen.add((body, json.dumps([mark["look"] for mark in self.marks(self.figures()[0])])))
            self.assertEqual(len({body for body, _ in seen}), 2)
            self.assertEqual(len({colors for _, colors in seen}), 2)

    def test_charts_follow_the_width_of_the_window(self):
        from selenium.webdriver.support.ui import WebDriverWait

        self.show(self.reports[0], "wide", "light")
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": False})
        WebDriverWait(self.browser, 20).until(lambda browser: browser.execute_script(
            "return [...document.querySelectorAll('figure.chart svg')].every(svg => Number(svg.getAttribute('width')) <= 390)"))

    def test_a_chart_that_fails_says_so(self):
        broken = self.reports[0].with_name("broken.html")
        text = self.reports[0].read_text(encoding="utf-8").replace('"type":"band"', '"type":"broken"')
        broken.write_text(text, encoding="utf-8")
        self.addCleanup(broken.unlink)
        self.show(broken, "wide", "light")
        failures = self.browser.find_elements("class name", "failure")
        self.assertGreater(len(failures), 0)
        self.assertIn("could not be drawn", failures[0].text)

    def test_no_errors_and_no_requests(self):
        for report in self.reports:
            self.browser.get_log("browser"), self.browser.get_log("performance")
            self.show(report, "wide", "light")
            self.assertEqual([entry for entry in self.browser.get_log("browser") if entry["level"] != "INFO"], [])
            messages = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
            urls = [message["params"]["request"]["url"] for message in messages
                    if message["method"] == "Network.requestWillBeSent"]
            self.assertIn(report.resolve().as_uri(), urls)
            self.assertEqual([url for url in urls if not url.startswith(("file://", "data:"))], [])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("reports", nargs="+", type=pathlib.Path)
    parser.add_argument("--screenshots", action="store_true", help="leave REPORT-SIZE-SCHEME.png beside each report")
    arguments = parser.parse_args()
    try:
        import selenium  # noqa: F401
    except ImportError:
        print("python3-selenium is not installed (packages/check.txt)", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else SKIPPED
    ReportTest.reports = arguments.reports
    ReportTest.screenshots = arguments.screenshots
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(ReportTest)
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
