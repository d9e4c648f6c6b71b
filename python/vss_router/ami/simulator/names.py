"""Invented people, queues and reasons; about half of them Cyrillic, as in the field."""

from random import Random

__all__ = ["CALLER_NAMES", "PAUSE_REASONS", "QUEUE_NAMES", "operator_name", "phone_number"]

QUEUE_NAMES = ("support", "sales", "billing", "vip", "delivery", "retention", "complaints", "partners")

PAUSE_REASONS = ("Обед", "Lunch", "Перерыв", "Training", "Совещание", "Wrap-up: notes", "Coaching", "")

CALLER_NAMES = ("", "", "", "Клиент", "ООО Ромашка", "Jane Doe", "Иван Петров", "Acme Ltd", "Мария")

FIRST_NAMES = ("Анна", "Boris", "Вера", "Daniel", "Елена", "Georg", "Зоя", "Ivan", "Кирилл", "Laura", "Мария", "Nina")
LAST_NAMES = ("Смирнова", "Miller", "Кузнецова", "Novak", "Орлова", "Peters", "Волкова", "Rossi", "Зайцев", "Larsen",
              "Мороз")  # fmt: skip


def operator_name(index: int) -> str:
    """The name of the operator with that index; the first 132 differ."""
    return f"{FIRST_NAMES[index % len(FIRST_NAMES)]} {LAST_NAMES[index % len(LAST_NAMES)]}"


def phone_number(rng: Random) -> str:
    """A number of a range that is given to nobody."""
    return f"7999{rng.randrange(10**7):07d}"
