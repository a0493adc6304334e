#pragma once
#include "lathe/pipeline/bundle.h"
#include "lathe/pipeline/report.h"

namespace lathe::pipeline {

// The page of a bundle, made of what its stages left in StageReport::details; what a stage left out, or left
// in another shape, is left out of the page. Read are
//   data      source, examples {train, holdout, test}, class_counts {labels, train, test}, warnings
//   train     model {kind, parameters, flops}, optimizer, batch, threads, step_milliseconds, curves {step,
//             train_loss, lr, metrics {name}}, epochs {epoch, holdout_loss, holdout_accuracy}
//   compile   skipped (why), or target, threads, operations [{source, variant, milliseconds, gflops, gbytes}]
//   evaluate  confusion (rows truth), classes, per_class {precision, recall, f1},
//             mistakes [{png (a file of the bundle) or row, truth, predicted, confidence}]
// and of every stage, known or not, its metrics and its seconds; the configuration is the bundle's
// pipeline.toml.
Page bundle_page(const Bundle& bundle);

}  // namespace lathe::pipeline
