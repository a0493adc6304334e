// Gradient Vaccine: how alike the gradients of related languages are, and training that keeps them so.
#include "lathe/core/error.h"
#include "lathe/core/progress.h"
#include "lathe/pipeline/study.h"
#include "studies/gradient_vaccine_conflict.h"
#include "studies/gradient_vaccine_images.h"
#include "studies/gradient_vaccine_report.h"
#include "studies/gradient_vaccine_step.h"

namespace lathe::studies::gradient_vaccine {
namespace {

using pipeline::Scale;
using pipeline::StudyContext;
using pipeline::StudyResult;

StudyResult smoke(const StudyContext& context) {
  StudyResult result;
  check_exactness(context.seed, result);
  train_image_heads(2000, 60, context, result);
  return result;
}

StudyResult desk(const StudyContext& context) {
  const std::vector<double> rates = {2e-3, 4e-3, 8e-3};
  StudyResult result;
  check_exactness(context.seed, result);
  const Results results = tune_and_train({}, {}, 3, rates, context.seed, context.stop);
  report_similarity(results, result);
  report_translation(results, result);
  report_tagging(tune_and_tag(results, {}, {1e-3, 2e-3, 4e-3}, context.seed, context.stop), result);
  measure_conflict({}, 5, {3e-3, 1e-2, 3e-2}, context.seed.stream("conflict"), context.stop, result);
  time_steps(context, result);
  compare_with_libmtl(context.seed, context.stop, result);
  result.notes.insert(result.notes.end(),
                      {"The paper's languages and models (WMT-25 and TED, Transformers on TPUs) are out of "
                       "reach, and its numbers are "
                       "not quoted. Here: clauses of WordNet's definitions, 3 to 8 of the 1,000 most "
                       "frequent words, in 8 languages that "
                       "descend from English along a tree; 150 to 2,000 training sentences each.",
                       "Means of 3 seeds, each with its own languages, sizes, sentences and weights; ± is "
                       "the half width of the 95 % "
                       "interval of Student's t over the seeds.",
                       "A Transformer of two encoder layers and one decoder layer, 48 wide. 400 steps of "
                       "Adam, 16 sentences of each "
                       "language a step; a single-task model sees as many of its own. Every method's rate is "
                       "the best of three by "
                       "held-out sentences, first seed; test sentences take no part. β = 0.01.",
                       "Similarity is measured along the training with sum, every 20 steps, on 256 held-out "
                       "sentences that are the same "
                       "in all languages; distance is the share of words that are no cognates.",
                       "Supersenses: the encoder of the translator trained with sum, and a linear layer, "
                       "trained on labelled clauses of "
                       "the two languages with most of them. Rates chosen on held-out clauses in these two.",
                       "The tasks that oppose each other: the first one's loss counts ten times, the trunk "
                       "is 8 wide; sized on another "
                       "seed so that sum neglects the second task."});
  return result;
}

StudyResult run(const StudyContext& context) {
  const core::QuietProgress quiet;  // bars of many runs at once would overwrite each other
  if (context.scale == Scale::paper)
    throw InputError(
        "the paper's scale is WMT and TED with models of 370 M parameters on TPUs; there is no such run "
        "here");
  return context.scale == Scale::smoke ? smoke(context) : desk(context);
}

const bool registered = pipeline::register_study({
    .name = "gradient-vaccine",
    .title = "Gradient Vaccine",
    .paper = "Wang, Tsvetkov, Firat & Cao, ICLR 2021, arXiv 2010.05874",
    .claim = "Gradients of related languages are alike, along the whole training; raising pairs of gradients "
             "to the "
             "similarity that they usually have improves multi-task training, where PCGrad, which acts on "
             "negative "
             "cosines only, seldom acts.",
    .module = "train",
    .run = run,
});

}  // namespace
}  // namespace lathe::studies::gradient_vaccine
