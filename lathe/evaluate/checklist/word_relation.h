#pragma once

namespace lathe::evaluate::checklist {

// What WordNet relates to a word. related: words below those of its hypernyms that suit the text themselves,
// "bus" for "car".
enum class WordRelation { synonym, antonym, hypernym, hyponym, related };

}  // namespace lathe::evaluate::checklist
