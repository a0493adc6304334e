#include "lathe/data/sprites.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"

namespace lathe::data {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr int64_t kSamples = 4;  // a pixel, each way
constexpr int kCorners = 32;     // of a circle

struct Point {
  double x, y;
};
using Contour = std::vector<Point>;
using Figure = std::vector<Contour>;  // inside where an odd number of contours winds around

Contour arc(double radius, double from, double to, int corners) {
  Contour contour;
  for (int i = 0; i < corners; ++i) {
    const double angle = from + (to - from) * i / corners;
    contour.push_back({radius * std::cos(angle), radius * std::sin(angle)});
  }
  return contour;
}

Contour star(int points, double inner) {
  Contour contour;
  for (int i = 0; i < 2 * points; ++i) {
    const double radius = i % 2 == 0 ? 1 : inner, angle = kPi * i / points;
    contour.push_back({radius * std::cos(angle), radius * std::sin(angle)});
  }
  return contour;
}

struct NamedFigure {
  const char* name;
  Figure figure;  // in the unit circle
};

const std::vector<NamedFigure>& figures() {
  static const std::vector<NamedFigure> all = {
      {"disc", {arc(1, 0, 2 * kPi, kCorners)}},
      {"ring", {arc(1, 0, 2 * kPi, kCorners), arc(0.6, 0, 2 * kPi, kCorners)}},
      {"half disc", {arc(1, 0, kPi * kCorners / (kCorners - 1), kCorners)}},
      {"triangle", {arc(1, 0, 2 * kPi, 3)}},
      {"square", {arc(1, 0, 2 * kPi, 4)}},
      {"bar", {{{-0.97, -0.24}, {0.97, -0.24}, {0.97, 0.24}, {-0.97, 0.24}}}},
      {"star", {star(5, 0.4)}},
      {"cross",
       {{{-0.97, -0.24},
         {-0.24, -0.24},
         {-0.24, -0.97},
         {0.24, -0.97},
         {0.24, -0.24},
         {0.97, -0.24},
         {0.97, 0.24},
         {0.24, 0.24},
         {0.24, 0.97},
         {-0.24, 0.97},
         {-0.24, 0.24},
         {-0.97, 0.24}}}},
      {"arrow",
       {{{1, 0}, {0.2, 0.75}, {0.2, 0.22}, {-0.95, 0.22}, {-0.95, -0.22}, {0.2, -0.22}, {0.2, -0.75}}}},
      {"corner", {{{-0.7, -0.7}, {0.7, -0.7}, {0.7, -0.25}, {-0.25, -0.25}, {-0.25, 0.7}, {-0.7, 0.7}}}},
  };
  return all;
}

bool inside(const Figure& figure, double x, double y) {
  bool odd = false;
  for (const Contour& contour : figure)
    for (size_t i = 0, j = contour.size() - 1; i < contour.size(); j = i++) {
      const Point &a = contour[i], &b = contour[j];
      if ((a.y > y) != (b.y > y) && x < a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y)) odd = !odd;
    }
  return odd;
}

void draw(const Figure& figure, const SpriteOptions& o, core::Random& random, uint8_t* image) {
  const auto side = static_cast<double>(o.size);
  const double radius = side * random.uniform(o.least_radius, o.radius), angle = random.uniform(0, 2 * kPi);
  const double column = random.uniform(radius, side - radius), row = random.uniform(radius, side - radius);
  const double c = std::cos(angle) / radius, s = std::sin(angle) / radius;
  const double paper = random.uniform(0, 0.25), ink = random.uniform(0.5, 1);
  const double step = 1.0 / kSamples;
  for (int64_t i = 0; i < o.size * o.size; ++i) {
    const double left = static_cast<double>(i % o.size) + step / 2 - column,
                 top = static_cast<double>(i / o.size) + step / 2 - row;
    int64_t covered = 0;
    for (int64_t k = 0; k < kSamples * kSamples; ++k) {
      const double dx = left + step * static_cast<double>(k % kSamples),
                   dy = top + step * static_cast<double>(k / kSamples);
      if (dx * dx + dy * dy <= radius * radius) covered += inside(figure, c * dx + s * dy, c * dy - s * dx);
    }
    const double share = static_cast<double>(covered) / (kSamples * kSamples);
    const double grey = paper + share * (ink - paper) + o.noise * random.normal();
    image[i] = static_cast<uint8_t>(std::lround(255 * std::clamp(grey, 0.0, 1.0)));
  }
}

}  // namespace

Dataset sprites(const SpriteOptions& o, core::Seed seed) {
  if (o.size < 8 || o.size > 1024)
    throw InputError("images of sprites must have a side of 8 to 1024 pixels, got {}", o.size);
  if (o.images_per_class < 1)
    throw InputError("images_per_class must be positive, got {}", o.images_per_class);
  if (!(o.least_radius > 0 && o.least_radius <= o.radius && o.radius <= 0.5))
    throw InputError("radii of sprites must be 0 < least_radius ≤ radius ≤ 0.5, got {} and {}",
                     o.least_radius, o.radius);
  const auto num_classes = static_cast<int64_t>(figures().size());
  const int64_t count = num_classes * o.images_per_class, pixels = o.size * o.size;
  Dataset dataset;
  for (const NamedFigure& figure : figures()) dataset.schema.classes.emplace_back(figure.name);
  dataset.schema.shape = {1, o.size, o.size};
  dataset.targets = torch::arange(count, torch::kInt64).remainder(num_classes);
  dataset.inputs = torch::empty({count, 1, o.size, o.size}, torch::kUInt8);
  auto* images = dataset.inputs.data_ptr<uint8_t>();
  core::parallel_for(count, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      core::Random random = seed.stream(static_cast<uint64_t>(i)).random();
      draw(figures()[static_cast<size_t>(i % num_classes)].figure, o, random, images + i * pixels);
    }
  });
  return dataset;
}

}  // namespace lathe::data
