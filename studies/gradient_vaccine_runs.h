#pragma once
#include <functional>
#include <optional>

#include "lathe/core/interrupt.h"
#include "lathe/evaluate/bleu.h"
#include "lathe/evaluate/gradient_similarity.h"
#include "lathe/nn/translator.h"
#include "lathe/optim/grad_vac.h"
#include "lathe/train/trainer.h"
#include "studies/gradient_vaccine_languages.h"

// The translators of the study `gradient-vaccine`.
namespace lathe::studies::gradient_vaccine {

// How the tasks' gradients become one; without options each task has a model of its own.
struct Method {
  std::string name;
  std::optional<optim::GradVacOptions> options;
};
std::vector<Method> all_methods();  // single task, sum, PCGrad, GradVac on the model, layers, tensors
inline constexpr size_t kSingle = 0, kSum = 1, kPcgrad = 2, kWhole = 3, kLayer = 4, kTensor = 5;

struct Budget {
  int64_t steps = 500;
  int64_t batch = 16;             // of each language
  int64_t similarity_every = 20;  // steps
};

struct Outcome {
  std::vector<double> holdout, test;                     // BLEU of each language, in percent
  double trigger_rate = 0, cosine = 0;                   // means over the steps
  std::shared_ptr<nn::Translator> model;                 // not for single tasks
  std::optional<evaluate::SimilarityReport> similarity;  // of method sum
};

nn::TranslatorOptions translator_options(const Corpus& corpus);  // 0.3 M parameters

double mean(const std::vector<double>& values);
double low_resource_mean(const Corpus& corpus, const std::vector<double>& of_languages);

optim::OptimizerOptions adam(double rate);

Outcome run(const Corpus& corpus, const Method& method, double rate, const Budget& budget, core::Seed seed,
            const core::StopToken& stop);

// Columns of the translator's parameters: source_embedding, encoder0, …, target_embedding, decoder0, …
std::vector<evaluate::GradientComponent> translator_parts(const nn::Translator& model);

// The best of the rates by held-out BLEU, of the first seed, alike for every method.
struct Measured {
  Method method;
  double rate = 0;
  std::map<double, double> tried;  // rate -> held-out BLEU
  std::vector<Outcome> seeds;
};
struct Results {
  std::vector<Corpus> corpora;    // of each seed
  std::vector<Measured> methods;  // as all_methods()
};
Results tune_and_train(const CorpusOptions& corpus, const Budget& budget, uint64_t num_seeds,
                       const std::vector<double>& rates, core::Seed seed, const core::StopToken& stop);

}  // namespace lathe::studies::gradient_vaccine
