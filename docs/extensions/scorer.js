/* How pages rank in the search. A reader who types a symptom wants its cure: the practical page
   comes first wherever it has the word. The numbers below are those of Sphinx. */
const PRACTICAL = 40; // more than a word in a title earns
var Scorer = {
  score: ([page, , , , score]) => (page === "docs/practical" ? score + PRACTICAL : score),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
