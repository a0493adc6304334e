#include "lathe/evaluate/checklist/builtin_lists.h"

// Common given and last names of the United States and other countries. A name that both women and men bear
// is in neither list.
namespace lathe::evaluate::checklist {

const std::vector<std::string>& male_names() {
  static const std::vector<std::string> names = split_words(R"(
    James John Robert Michael William David Richard Joseph Thomas Charles Daniel Matthew Anthony Mark Donald Steven
    Paul Andrew Joshua Kenneth Kevin Brian George Edward Ronald Timothy Jason Jeffrey Ryan Jacob Gary Nicholas Eric
    Jonathan Stephen Larry Justin Scott Brandon Benjamin Samuel Gregory Frank Alexander Raymond Patrick Jack Dennis
    Jerry Tyler Aaron Jose Adam Henry Nathan Douglas Zachary Peter Kyle Walter Ethan Jeremy Harold Keith Dustin
    Roger Noah Gerald Carl Terrence Sean Austin Arthur Lawrence Jesse Dylan Bryan Joe Jordy Billy Bruce Albert Willie
    Gabriel Logan Alan Juan Wayne Roy Ralph Randy Eugene Vincent Russell Elijah Louis Bobby Philip Ahmed Omar)");
  return names;
}

const std::vector<std::string>& female_names() {
  static const std::vector<std::string> names = split_words(R"(
    Mary Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Sarah Karen Nancy Lisa Betty Margaret Sandra Ashley
    Kimberly Emily Donna Michelle Dorothy Carol Amanda Melissa Deborah Stephanie Rebecca Sharon Laura Cynthia Kathleen
    Amy Angela Shirley Anna Brenda Pamela Emma Nicole Helen Samantha Katherine Christine Debra Rachel Carolyn Janet
    Catherine Maria Heather Diane Ruth Julie Olivia Joyce Virginia Victoria Kelly Lauren Christina Joan Evelyn Judith
    Megan Andrea Cheryl Hannah Jacqueline Martha Gloria Teresa Ann Sara Madison Frances Kathryn Janice Jean Abigail
    Alice Julia Judy Sophia Grace Denise Amber Doris Marilyn Danielle Beverly Isabella Theresa Diana Natalie Brittany
    Charlotte Marie Kayla Lori Fatima)");
  return names;
}

const std::vector<std::string>& last_names() {
  static const std::vector<std::string> names = split_words(R"(
    Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez Wilson Anderson
    Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark Ramirez Lewis Robinson Walker Young Allen
    King Wright Torres Nguyen Hill Flores Green Adams Nelson Baker Hall Rivera Campbell Mitchell Carter Roberts Gomez
    Phillips Evans Turner Diaz Parker Cruz Edwards Collins Reyes Stewart Morris Morales Murphy Cook Rogers Gutierrez
    Ortiz Morgan Cooper Peterson Bailey Reed Howard Ramos Kim Cox Ward Richardson Watson Brooks Chavez Wood Bennett
    Gray Mendoza Ruiz Hughes Price Alvarez Castillo Sanders Patel Myers Long Jimenez Powell Jenkins Perry
    Khan Wang Singh)");
  return names;
}

}  // namespace lathe::evaluate::checklist
