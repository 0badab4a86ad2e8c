"""The examples on text: what they say of themselves holds."""

import re
from random import Random

import numpy as np
import pytest
from running_examples import check_plot_draws, check_plot_needs_matplotlib, check_refused, load

import minigrad

pytestmark = pytest.mark.once  # what the kernels compute is tested elsewhere, at every level

INSIDE = "08_inside_an_lstm"
CHAR_LM = "11_char_lm"
SEQ2SEQ = "14_seq2seq_attention"
CRF = "15_tagging_crf"

# A run as short as can be, for what does not depend on how well a network does.
SHORT = {
    INSIDE: ["--steps", "2"],
    CHAR_LM: ["--steps", "2", "--length", "5", "--batch", "1000", "--hidden-size", "3"],
    SEQ2SEQ: ["--steps", "2", "--batch", "3"],
    CRF: ["--steps", "2", "--batch", "4"],
}


@pytest.mark.parametrize(
    ("names", "options"),
    [([*SHORT], "--steps 0"), ([*SHORT], "--hidden-size 0"), ([*SHORT], "--lr nan"),
     ([CHAR_LM, SEQ2SEQ, CRF], "--batch 0"), ([SEQ2SEQ, CRF], "--embedding-size 0"),
     ([CHAR_LM], "--length 0"), ([CHAR_LM], "--forget everything"), ([INSIDE], "--hidden-size 1")],
)  # fmt: skip
def test_bad_options_are_refused(names, options, capsys):
    for name in names:
        check_refused(name, options, capsys)


@pytest.mark.parametrize("name", SHORT)
def test_plot_needs_matplotlib(name, capsys, monkeypatch, tmp_path):
    check_plot_needs_matplotlib(name, SHORT[name], capsys, monkeypatch, tmp_path)


@pytest.mark.parametrize("name", SHORT)
def test_plot_draws(name, capsys, tmp_path):
    check_plot_draws(name, SHORT[name], capsys, tmp_path)


# ------------------------------------------------------------------------------------------------
# 08: inside an LSTM
# ------------------------------------------------------------------------------------------------


def test_a_unit_knows_of_quotations(capsys):
    load(INSIDE).main([])
    text = capsys.readouterr().out
    assert "the equations hold on what was seen: True" in text
    found = re.search(r"quotation: unit (\d+) ([-+]\S+), next unit (\d+) ([-+]\S+)$", text, re.M)
    assert abs(float(found[2])) > 0.9 > abs(float(found[4])) + 0.2
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if "_gate" in line}
    opening, inside, closing, outside = np.array(rows["input_gate"], float)
    assert opening > 0.8 > 0.3 > max(inside, closing, outside)
    opening, inside, closing, outside = np.array(rows["forget_gate"], float)
    assert closing < 0.2 < 0.7 < min(opening, inside, outside)
    chances = re.findall(r"(?:untouched|put back) +(\S+)", text)
    untouched, without, without_the_next = map(float, chances)
    assert without < 0.1 < 0.3 < min(untouched, without_the_next)
    gradients = re.findall(r"  (?:at|in) the .* (\S+)$", text, re.M)
    last, mark, before = map(float, gradients)
    assert 0.5 < mark / last < 2
    assert before < mark / 5


def test_quotations():
    example = load(INSIDE)
    text = example.story(Random(0), 5000)
    assert len(text) == 5000
    assert {*text} == {*example.CHARACTERS}
    parts = text.split('"')[1:-1]
    quoted, plain = parts[::2], parts[1::2]
    assert {len(part.split()) for part in quoted} == {len(part.split()) for part in plain}
    assert all(part == part.strip() for part in quoted)
    assert all(part[0] == part[-1] == " " for part in plain)
    assert example.is_open('a "b" c').tolist() == [False, False, True, True, False, False, False]


# ------------------------------------------------------------------------------------------------
# 11: a language model
# ------------------------------------------------------------------------------------------------


def char_lm(capsys, *options):
    """The lines that it prints with a small network and a part of the text."""
    example = load(CHAR_LM)
    text = example.documentation()[:20_000]
    example.documentation = lambda: text
    example.main([*SHORT[CHAR_LM], "--batch", "9", "--steps", "30", *options])
    return capsys.readouterr().out.splitlines()


def test_a_training_that_was_interrupted_goes_on_with_the_same_numbers(capsys, tmp_path):
    file = str(tmp_path / "lm.pt")
    whole = char_lm(capsys)
    stopped = char_lm(capsys, "--checkpoint", file, "--stop", "16")
    assert stopped == [*whole[:5], "stopped after 16 steps"]
    assert [path.name for path in tmp_path.iterdir()] == ["lm.pt"]
    assert char_lm(capsys, "--resume", file) == ["going on after step 15", *whole[5:]]
    for part in load(CHAR_LM).PARTS:
        assert char_lm(capsys, "--resume", file, "--forget", part)[1:6] != whole[5:10], part


def test_a_checkpoint_of_another_text_is_refused(capsys, tmp_path):
    file = str(tmp_path / "lm.pt")
    char_lm(capsys, "--checkpoint", file)
    with pytest.raises(SystemExit, match="another text"):
        load(CHAR_LM).main(["--resume", file])


def test_the_quick_language_model_learns(capsys):
    load(CHAR_LM).main(["--quick"])
    text = capsys.readouterr().out
    unseen = [float(bits) for bits in re.findall(r"unseen (\S+)", text)]
    assert len(unseen) == 10
    assert 2.5 < unseen[-1] < 3.5 < unseen[0]  # other versions of Python have other texts
    simple = dict(re.findall(r"^  (\S.*\S) +(\d\.\d\d)$", text, re.M))
    assert simple["all equally probable"] == "6.58"
    assert 6.58 > float(simple["how often each occurs"]) > unseen[-1]
    assert re.findall(r"At temperature (\S+):", text) == ["0.5", "0.8", "1.1"]


def test_temperature_makes_what_is_probable_more_so():
    example = load(CHAR_LM)
    minigrad.manual_seed(0)
    model = example.CharLM(3)
    with minigrad.no_grad():
        model.fc.weight.zero_()
        model.fc.bias.fill_(-100).index_fill_(0, minigrad.tensor([1, 2]), 0)
        model.fc.bias[1] = 1
    first, second = example.CHARACTERS[1:3]
    for temperature in (0.5, 1, 2):
        text = example.write(model, "The ", 300, temperature)[4:]
        share = 1 / (1 + np.exp(-1 / temperature))
        assert {*text} == {first, second}
        assert text.count(first) / 300 == pytest.approx(share, abs=0.08)


# ------------------------------------------------------------------------------------------------
# 14: attention
# ------------------------------------------------------------------------------------------------


def test_dates_are_learnt_with_attention(capsys):
    load(SEQ2SEQ).main(["--steps", "130"])
    lines = capsys.readouterr().out.splitlines()
    right = [int(share) for share in re.findall(r"right (\d+)%", "\n".join(lines))]
    assert right[0] < 5
    assert right[-1] > 90
    assert [line.split(" -> ")[1][:10] for line in lines if " -> " in line] == ["1994-03-12"] * 5
    text, *rows = lines[-11:]
    assert text == "   Sat 12 March 1994"
    assert "".join(row[0] for row in rows) == "1994-03-12"
    darkest = [max(row[3:], key=load(SEQ2SEQ).SHADES.index) for row in rows]
    looked_at = [text[3 + row[3:].index(dark)] for row, dark in zip(rows, darkest, strict=True)]
    assert looked_at[3] == "4"  # the year's last digit
    assert looked_at[8] in "12 "  # the day


def test_dates_without_attention(capsys):
    load(SEQ2SEQ).main([*SHORT[SEQ2SEQ], "--no-attention"])
    lines = capsys.readouterr().out.splitlines()
    assert [line[:11] for line in lines[:2]] == ["Step [1/2] ", "Step [2/2] "]
    assert " -> " in lines[-1]  # no attention is shown


def test_dates_as_people_write_them():
    example = load(SEQ2SEQ)
    written = [example.write(example.SHOWN, style) for style in example.FORMATS]
    assert [text for text, _ in written] == [
        "Sat 12 March 1994", "March 12, 1994", "12.3.1994", "3/12/1994", "12 Mar '94",
    ]  # fmt: skip
    assert {answer for _, answer in written} == {"1994-03-12"}
    assert example.write(example.LAST, example.FORMATS[4]) == ("31 Dec '49", "2049-12-31")


def test_no_day_is_both_learnt_and_tested():
    example, rng = load(SEQ2SEQ), Random(0)
    learnt, tested = [
        {answer for _, answer in example.draw_pairs(rng, 3000, test)} for test in (False, True)
    ]
    assert learnt.isdisjoint(tested)
    assert "1994-03-12" not in learnt


def test_attention_in_a_batch_of_different_lengths():
    """What it goes on from are its own answers, and the padding has no part in anything."""
    example = load(SEQ2SEQ)
    minigrad.manual_seed(0)
    net = example.Translator(4, 5, attention=True).double()
    texts = ["3/1/2001", "Sat 12 March 1994", "1.1.1999"]
    source, lengths = example.source_of(texts)
    logits, weights = net(source, lengths)
    forced, _ = net(source, lengths, logits.argmax(2))
    assert minigrad.equal(logits, forced)
    np.testing.assert_allclose(weights.sum(1).detach().numpy(), 1)
    assert (weights[:, 8:, [0, 2]] == 0).all()
    for n, text in enumerate(texts):
        alone, _ = net(*example.source_of([text]))
        np.testing.assert_allclose(
            alone[:, 0].detach().numpy(), logits[:, n].detach().numpy(), rtol=0, atol=1e-12
        )


# ------------------------------------------------------------------------------------------------
# 15: a CRF
# ------------------------------------------------------------------------------------------------


def test_the_crf_gets_sentences_right_and_the_softmax_words(capsys):
    load(CRF).main([])
    text = capsys.readouterr().out
    rows = re.findall(r"^(softmax|CRF) +(\d+)% +(\d+)% +(\d+)% +(\d+)$", text, re.MULTILINE)
    softmax, crf = [[int(number) for number in row[1:]] for row in rows]
    assert softmax[0] >= crf[0]  # words
    assert crf[1] > softmax[1] + 10  # sentences
    assert softmax[2] < 5 < 35 < crf[2] < 55  # ambiguous sentences, 45% of which can be got right
    assert softmax[3] > 300  # answers without a verb, of 1000
    assert crf[3] == 0
    assert "NOUN  NOUN  PREP  DET   NOUN           0%" in text  # what the softmax answers
    counted = [line for line in text.splitlines() if re.match(r"[345] words", line)]
    assert [line.split()[2] for line in counted] == [str(7**3), str(7**4), str(7**5)]
    assert all(line.split()[4:] == ["True"] * 3 for line in counted)


def some_crf(example):
    """One with random weights, also for what follows what."""
    minigrad.manual_seed(0)
    tagger = example.CRFTagger(4, 3).double()
    with minigrad.no_grad():
        tagger.start.normal_()
        tagger.transitions.normal_()
    return tagger


def test_the_crf_is_what_counting_gives(capsys):
    example = load(CRF)
    assert example.check(some_crf(example).float())
    assert "False" not in capsys.readouterr().out


@pytest.mark.parametrize("wrong", ["log_partition", "decode", "score"])
def test_a_wrong_crf_is_noticed(wrong, capsys, monkeypatch):
    example = load(CRF)
    right = getattr(example.CRFTagger, wrong)
    monkeypatch.setattr(example.CRFTagger, wrong, lambda *a: (right(*a) + 1) % len(example.TAGS))
    with pytest.raises(SystemExit) as failure:
        example.main(SHORT[CRF])
    assert failure.value.code == 1
    assert "False" in capsys.readouterr().out


def test_sentences_of_different_lengths_in_a_batch_are_as_alone():
    example = load(CRF)
    tagger = some_crf(example)
    sentences = [["the"], ["the", "dog", "barks", "now"], ["they", "see"], example.ARROW]
    tags = [
        ["DET"],
        ["DET", "NOUN", "VERB", "ADV"],
        ["PRON", "VERB"],
        ["ADJ", "NOUN", "VERB", "DET", "NOUN"],
    ]
    words, lengths = example.words_of(sentences)
    assert words.shape == (5, 4)
    together = tagger.log_probability(
        tagger(words, lengths), example.padded(tags, example.TAGS), lengths
    )
    answers = example.tag(tagger, sentences)
    for n, sentence in enumerate(sentences):
        alone, length = example.words_of([sentence])
        answer = example.padded([tags[n]], example.TAGS)
        p = tagger.log_probability(tagger(alone, length), answer, length)
        np.testing.assert_allclose(p.item(), together[n].item(), 1e-12)
        assert example.tag(tagger, [sentence]) == [answers[n]]


def test_gradients_of_the_crf():
    tagger = some_crf(load(CRF))
    tags, lengths = minigrad.tensor([[0, 3], [2, 1], [5, 0]]), [3, 2]

    def loss(emissions, *_):  # the others are the tagger's own
        return tagger.log_probability(emissions, tags, lengths)

    emissions = minigrad.randn(3, 2, 7, dtype=minigrad.float64, requires_grad=True)
    inputs = (emissions, tagger.start, tagger.transitions)
    assert minigrad.autograd.gradcheck(loss, inputs)


def test_readings_are_drawn_by_their_shares():
    example, rng = load(CRF), Random(0)
    sentences = [example.draw_sentence(rng) for _ in range(2000)]
    drawn = [tags for words, tags in sentences if words[0] in example.AMBIGUOUS[0]]
    assert 900 < len(drawn) < 1100
    for reading, share in example.READINGS.items():
        count = sum(" ".join(tags[:5]) == reading for tags in drawn)
        assert count / len(drawn) == pytest.approx(share, abs=0.05)
