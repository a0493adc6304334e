#include "lathe/pipeline/subspace_section.h"

#include <cmath>

#include "lathe/pipeline/details.h"

namespace lathe::pipeline {

Section subspace_section(const nlohmann::json& train) {
  Section section{.title = "Along the subspace"};
  const std::vector<double> x = detail_numbers(train, "/subspace/position");
  if (x.empty()) return section;
  const auto series = [&](const std::string& name, const std::string& key, double unit) {
    core::Series line{.name = name, .x = x, .y = detail_numbers(train, "/subspace/" + key)};
    line.y.resize(x.size(), std::nan(""));
    for (double& value : line.y) value *= unit;
    return line;
  };
  const std::string kind = detail_text(train, "/subspace/kind");
  const bool simplex = kind == "simplex";
  section.text =
      simplex
          ? "Held-out examples. From the centre of the simplex, which is the model, to its endpoints: the "
            "mean of single networks with weight t on one endpoint, and the ensemble of all of them."
          : "Held-out examples. The model is the network at α = 1/2; an ensemble is that of α and 1 − α.";
  if (const std::string note = detail_text(train, "/subspace/note"); !note.empty())
    section.text += " Note: " + note + ".";
  const auto add = [&](const std::string& title, const std::vector<core::Series>& lines) {
    section.charts.push_back(core::line_chart(
        {.title = title, .x_label = simplex ? "t" : "α", .width = 306, .height = 230}, lines));
  };
  add("Accuracy, %", {series("network", "accuracy", 100), series("ensemble", "ensemble_accuracy", 100)});
  add(simplex ? "Two networks disagree, %" : "α and 1 − α disagree, %",
      {series("disagreement", "disagreement", 100)});
  add("Calibration error, 20 bins", {series("network", "ece", 1)});
  return section;
}

}  // namespace lathe::pipeline
