#pragma once
#include <filesystem>

#include "lathe/pipeline/bundle.h"

namespace lathe::pipeline {

// What a class may be called without harm to a page.
inline const char* const kHostileClass = "</script><script>alert(\"x\")</script>";

// Noise with a bright blob, as PNG bytes: 28 × 28, grey.
std::string synthetic_png(uint64_t seed);

// Commits the reports of a training on ten classes: curves of 4,290 steps and ten epochs, a confusion matrix,
// 24 mistakes with pictures, an unknown stage.
void commit_synthetic_stages(Bundle& bundle);

// Where the browser test wants its pages; empty when it did not ask.
std::filesystem::path browser_directory();

}  // namespace lathe::pipeline
