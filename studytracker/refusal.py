"""How a domain function says no: with sentences that are shown as they are."""


class Refused(Exception):
    """`sentences` say what is wrong and what to do. `field` names the form field they belong to, if there is one."""

    def __init__(self, *sentences, field=None):
        self.sentences = list(sentences)
        self.field = field
        super().__init__(" ".join(self.sentences))

    def add_to(self, form):
        for sentence in self.sentences:
            form.add_error(self.field if self.field in form.fields else None, sentence)
