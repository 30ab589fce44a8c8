//! Going through a sign-in at the terminal: the relay's join code, browser, pasted code, second factor, place.

use secrecy::ExposeSecret;
use url::Url;

use crate::account::{AccountId, PodiumPlace};
use crate::cli::ask;
use crate::cli::print::{clean, say};
use crate::env::Env;
use crate::front::Notifier;
use crate::front::views::{SignIn, SignInAnswer, SignInStep, SignInTo, Trouble, TroubleKind};

/// Begins a sign-in and answers each step until the account is signed in. Ctrl-C gives up.
pub(super) async fn go_through(notifier: &Notifier, wish: SignIn, env: &Env) -> Result<AccountId, Trouble> {
    let mut step = begun(notifier, wish).await?;
    loop {
        step = match step {
            SignInStep::Done { account } => return Ok(account),
            SignInStep::Browser { attempt, url, comes_by_itself } => {
                at_browser(notifier, attempt, &url, comes_by_itself, env).await?
            }
            SignInStep::SecondFactor { attempt } => second_factor(notifier, attempt).await?,
            SignInStep::Place { attempt, places } => place(notifier, attempt, &places).await?,
        };
    }
}

/// Begins. A relay that wants its join code is given it once the person has typed it.
async fn begun(notifier: &Notifier, mut wish: SignIn) -> Result<SignInStep, Trouble> {
    let mut tries = 3;
    loop {
        let refused = match notifier.sign_in(wish.clone()).await {
            // As long as nobody was sent to the browser, the relay is the only one there who lets nobody in.
            Err(trouble) if trouble.kind == TroubleKind::NeedsSignIn => trouble,
            answered => return answered,
        };
        let (SignInTo::Podium { join_code, .. } | SignInTo::Webhook { join_code, .. }) = &mut wish.to else {
            return Err(refused);
        };
        if !ask::at_terminal() && join_code.is_none() {
            let words = format!("{}; a script gives it with --relay-code-stdin", refused.words);
            return Err(Trouble::needs_sign_in(words));
        }
        if !ask::at_terminal() || tries == 0 {
            return Err(refused);
        }
        tries -= 1;
        say(&format!("{}.", clean(&refused.words)));
        let typed = ask::secret("Join code of the relay (not shown): ").await?;
        *join_code = Some(typed.expose_secret().to_owned());
    }
}

async fn at_browser(
    notifier: &Notifier,
    attempt: u64,
    url: &str,
    comes_by_itself: bool,
    env: &Env,
) -> Result<SignInStep, Trouble> {
    if !comes_by_itself && !ask::at_terminal() {
        drop(give_up(notifier, attempt).await);
        return Err(Trouble::needs_sign_in(
            "the address that the browser ends at has to be pasted here; sign in at a terminal",
        ));
    }
    say(&format!("Allow Belfry in the browser, at this address:\n\n  {}\n", clean(url)));
    // The engine made this address from the account's own settings, so its host is one the person named.
    let own = Url::parse(url).ok();
    if let Err(error) = env.opener.open(url, own.as_ref().as_slice(), false, None).await {
        say(&format!("The browser could not be opened ({error}); open the address yourself."));
    }
    loop {
        let text = tokio::select! {
            step = notifier.sign_in_answer(attempt, SignInAnswer::Wait) => return step,
            text = pasted(comes_by_itself) => text?,
            _ = tokio::signal::ctrl_c() => return give_up(notifier, attempt).await,
        };
        match notifier.sign_in_answer(attempt, SignInAnswer::Pasted { text }).await {
            Ok(step) => return Ok(step),
            // A slip of the hand ends nothing; if the attempt itself is over, waiting for it says so.
            Err(trouble) => say(&clean(&trouble.words)),
        }
    }
}

/// What the person pastes; pends for ever where there is nobody to paste.
async fn pasted(comes_by_itself: bool) -> Result<String, Trouble> {
    if !ask::at_terminal() {
        return std::future::pending().await;
    }
    let question = if comes_by_itself {
        "Waiting. Or paste the code, or the address the browser ended at, and press Enter:"
    } else {
        "When you have allowed it, copy the whole address that the browser ends at (whatever page it shows), paste it here and press Enter:"
    };
    loop {
        let text = ask::line(question).await?;
        if !text.is_empty() {
            return Ok(text);
        }
    }
}

async fn second_factor(notifier: &Notifier, attempt: u64) -> Result<SignInStep, Trouble> {
    if !ask::at_terminal() {
        // Without an answer the attempt would lie open; that it is given up is the trouble told below.
        drop(give_up(notifier, attempt).await);
        return Err(Trouble::needs_sign_in("the service asks for a second factor; sign in at a terminal"));
    }
    let mut tries = 3;
    loop {
        let code = tokio::select! {
            code = ask::line("The service asks for a second factor. Type the code and press Enter:") => code?,
            _ = tokio::signal::ctrl_c() => return give_up(notifier, attempt).await,
        };
        tries -= 1;
        match notifier.sign_in_answer(attempt, SignInAnswer::SecondFactor { code }).await {
            // A mistyped code may be typed again.
            Err(trouble) if tries > 0 => say(&clean(&trouble.words)),
            answered => return answered,
        }
    }
}

/// Which of several places the account is for.
async fn place(notifier: &Notifier, attempt: u64, places: &[PodiumPlace]) -> Result<SignInStep, Trouble> {
    let named = |place: &PodiumPlace| match place {
        PodiumPlace::Location { .. } => format!("{} (--location {})", place.name(), place.uid()),
        PodiumPlace::Organization { .. } => {
            format!("all of {} (--organization {})", place.name(), place.uid())
        }
    };
    if !ask::at_terminal() {
        drop(give_up(notifier, attempt).await);
        let named: Vec<_> = places.iter().map(|place| clean(&named(place))).collect();
        return Err(Trouble::usage(format!("say which place to listen to: {}", named.join(", "))));
    }
    say("This sign-in reaches several places; an account listens to one of them:");
    for (number, place) in (1..).zip(places) {
        say(&clean(&format!("  {number}  {}", named(place))));
    }
    loop {
        let typed = tokio::select! {
            typed = ask::line("Its number:") => typed?,
            _ = tokio::signal::ctrl_c() => return give_up(notifier, attempt).await,
        };
        let chosen = typed.parse::<usize>().ok().and_then(|number| places.get(number.checked_sub(1)?));
        match chosen {
            Some(place) => {
                let uid = place.uid().to_owned();
                return notifier.sign_in_answer(attempt, SignInAnswer::Place { uid }).await;
            }
            None => say(&format!("A number from 1 to {} is needed.", places.len())),
        }
    }
}

async fn give_up(notifier: &Notifier, attempt: u64) -> Result<SignInStep, Trouble> {
    match notifier.sign_in_answer(attempt, SignInAnswer::Cancel).await {
        // It was done before it could be given up.
        Ok(done @ SignInStep::Done { .. }) => Ok(done),
        Ok(SignInStep::Browser { .. } | SignInStep::SecondFactor { .. } | SignInStep::Place { .. }) => {
            Err(Trouble::failed("the sign-in was given up; nothing was kept"))
        }
        Err(trouble) => Err(trouble),
    }
}
