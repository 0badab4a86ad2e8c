"""The examples on text: what they say of themselves holds."""

import re
import sys
from random import Random

import numpy as np
import pytest
from test_examples import load

import minigrad

pytestmark = pytest.mark.once  # what the kernels compute is tested elsewhere, at every level

SEQ2SEQ = "14_seq2seq_attention"
CRF = "15_tagging_crf"

# A run as short as can be, for what does not depend on how well a network does.
SHORT = {SEQ2SEQ: ["--steps", "2", "--batch", "3"], CRF: ["--steps", "2", "--batch", "4"]}


@pytest.mark.parametrize("options", ["--steps 0", "--batch 0", "--embedding-size 0",
                                     "--hidden-size 0", "--lr nan"])  # fmt: skip
@pytest.mark.parametrize("name", [SEQ2SEQ, CRF])
def test_bad_options_are_refused(name, options, capsys):
    with pytest.raises(SystemExit) as refusal:
        load(name).main(options.split())
    assert refusal.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert options.split()[0] in captured.err.partition("error: ")[2]


@pytest.mark.parametrize("name", SHORT)
def test_plot_needs_matplotlib(name, capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # as if it were not installed
    picture = tmp_path / "plot.png"
    load(name).main([*SHORT[name], "--plot", str(picture)])
    captured = capsys.readouterr()
    assert captured.err == "no plot: matplotlib is not installed (pip install matplotlib)\n"
    assert len(captured.out.splitlines()) > 2
    assert not picture.exists()


@pytest.mark.parametrize("name", SHORT)
def test_plot_draws(name, capsys, tmp_path):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "plot.png"
    load(name).main([*SHORT[name], "--plot", str(picture)])
    assert capsys.readouterr().err == ""
    assert picture.read_bytes().startswith(b"\x89PNG")


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
