#pragma once
#include <string>
#include <vector>

#include "lathe/core/chart.h"
#include "lathe/core/table.h"

namespace lathe::pipeline {

// One block of a page: text, then tables and charts side by side, then code; each may be absent.
struct Section {
  std::string title;
  std::string text;                 // plain text; blank lines part paragraphs
  std::vector<core::Table> tables;  // a first column without a name hides the header
  std::vector<core::Chart> charts;
  std::string code;  // preformatted, e.g. the configuration
};

struct Page {
  std::string title, subtitle;
  std::vector<std::pair<std::string, std::string>>
      headline;  // the few numbers at the top: {"test accuracy", "93.3 %"}
  std::vector<Section> sections;
};

// One self-contained HTML file: Vega and its parts inlined, no request leaves the page. Light and dark.
// Throws Error naming the Debian package when Vega's scripts are not on this machine.
std::string render_html(const Page& page);

}  // namespace lathe::pipeline
