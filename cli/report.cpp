#include <iostream>

#include "cli/verb.h"
#include "lathe/pipeline/bundle_report.h"

namespace lathe::cli {

void add_report(CLI::App& app, Options& options) {
  auto bundle = std::make_shared<std::string>();
  auto output = std::make_shared<std::string>();
  CLI::App* verb = add_verb(app, options, "report", "Write a bundle's report again",
                            "lathe report fashion-mnist.bundle --output report.html");
  verb->add_option("bundle", *bundle, "The bundle")->required();
  verb->add_option("--output", *output, "Where to (default: report.html in the bundle)");
  verb->callback([&options, bundle, output] {
    const std::string html = pipeline::render_html(pipeline::bundle_page(pipeline::Bundle::open(*bundle)));
    const std::filesystem::path file =
        output->empty() ? std::filesystem::path(*bundle) / "report.html" : std::filesystem::path(*output);
    core::write_file(file, html);
    if (options.json)
      std::cout << nlohmann::json{{"report", file.string()}}.dump() << "\n";
    else
      std::cout << file.string() << "\n";
  });
}

}  // namespace lathe::cli
