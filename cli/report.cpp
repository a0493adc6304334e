#include <iostream>

#include "cli/verb.h"
#include "lathe/pipeline/bundle_report.h"
#include "lathe/pipeline/comparison.h"

namespace lathe::cli {

void add_report(CLI::App& app, Options& options) {
  auto bundle = std::make_shared<std::string>();
  auto output = std::make_shared<std::string>();
  auto beside = std::make_shared<std::vector<std::string>>();
  CLI::App* verb = add_verb(app, options, "report", "Write a bundle's report again",
                            "lathe report fashion-mnist.bundle --output report.html");
  verb->add_option("bundle", *bundle, "The bundle")->required();
  verb->add_option("--output", *output, "Where to (default: report.html in the bundle)");
  verb->add_option("--beside", *beside, "Other bundles for a table beside this one")->allow_extra_args(false);
  verb->callback([&options, bundle, output, beside] {
    std::vector<pipeline::Bundle> bundles;
    bundles.push_back(pipeline::Bundle::open(*bundle));
    pipeline::Page page = pipeline::bundle_page(bundles.front());
    for (const std::string& other : *beside) bundles.push_back(pipeline::Bundle::open(other));
    if (bundles.size() > 1)
      page.sections.insert(
          page.sections.begin() + std::min<int64_t>(2, static_cast<int64_t>(page.sections.size())),
          pipeline::comparison(bundles));
    const std::string html = pipeline::render_html(page);
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
